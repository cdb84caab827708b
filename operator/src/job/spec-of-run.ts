/** The spec as a run sees it: what a reference stood for when the run started, in the place of the reference. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'

export const specOfRun = (spec: ResolvedSpec, run: RunStatus | undefined): ResolvedSpec => {
  const { content, model } = run ?? {}
  const { uri, contentHash } = content ?? {}
  const isCurated = spec.dataset.ref && uri !== undefined && contentHash !== undefined
  return {
    ...spec,
    // a source that the tenant gives is his own, whatever an earlier spec referred to
    ...(model && !spec.model.source ? { model: { ...spec.model, source: model.source } } : {}),
    ...(isCurated ? { dataset: { ...spec.dataset, curated: { uri, contentHash } } } : {}),
  }
}
