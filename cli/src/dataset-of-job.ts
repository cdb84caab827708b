/** Local mode: an InstructionDataset comes from the file of the job, and its sources are read as if they stood in the job. */
import type { ResolvedDatasetObject } from '@attune/crds/instruction-dataset.ts'
import type { ResolvedJob } from '@attune/crds/instruction-tuning-job.ts'
import { CliError } from './cli-error.ts'

const DEFAULT_NAMESPACE = 'default'
type Named = { readonly metadata: { readonly name: string; readonly namespace?: string } }
const namespaceOf = ({ metadata }: Named) => metadata.namespace ?? DEFAULT_NAMESPACE

/** @param datasets those of the file */
export const withDataset = (
  job: ResolvedJob,
  datasets: readonly ResolvedDatasetObject[],
  file: string,
): ResolvedJob => {
  const name = job.spec.dataset.ref?.name
  if (name === undefined) return job
  const dataset = datasets.find(
    ({ metadata }) => metadata.name === name && namespaceOf({ metadata }) === namespaceOf(job),
  )
  if (!dataset)
    throw new CliError(
      `${file}: spec.dataset.ref: no InstructionDataset ${name} in namespace ${namespaceOf(job)} of this file; put it beside the job, or give spec.dataset.sources`,
    )
  const { volume: _volume, resources: _resources, ...rest } = dataset.spec
  const { podTemplate: _podTemplate, retry: _retry, ...spec } = rest
  return { ...job, spec: { ...job.spec, dataset: spec } }
}
