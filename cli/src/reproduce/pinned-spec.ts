/** The spec of a published run with each source at the commit that was read, wherever its branch is now. */
import type { StageSpec } from '@attune/crds/resolved-spec.ts'
import { parseHubUri } from '@attune/crds/hub-uri.ts'
import type { SourceDigest } from '@attune/trainer/publish/provenance.ts'
import type { Recorded } from './read-provenance.ts'

const pinned = (uri: string, { revision }: Pick<SourceDigest, 'revision'>): string => {
  const hub = parseHubUri(uri)
  if (!hub || revision === undefined || !/^[0-9a-f]{7,64}$/.test(revision)) return uri
  const kind = hub.type === 'dataset' ? 'datasets/' : ''
  const path = hub.path === undefined ? '' : `/${hub.path}`
  return `hf://${kind}${hub.name}@${revision}${path}`
}

type Sources = NonNullable<StageSpec['dataset']['sources']>

const pinnedAll = (sources: Sources, records: readonly SourceDigest[]): Sources =>
  sources.map((source, i) => ({ ...source, uri: pinned(source.uri, records[i] ?? {}) }))

const pinnedMethod = ({ spec, startAdapter }: Recorded): StageSpec['method'] => {
  const { lora } = spec.method
  if (!lora.startFrom || !startAdapter) return spec.method
  const uri = pinned(lora.startFrom.uri, startAdapter)
  return { ...spec.method, lora: { ...lora, startFrom: { ...lora.startFrom, uri } } }
}

export const pinnedSpec = (recorded: Recorded): StageSpec => {
  const { spec, baseModel, data } = recorded
  const { sources, validation } = spec.dataset
  const { source } = spec.model
  return {
    ...spec,
    // what is trained again is compared, not published
    output: { uri: 'file://.', publish: false },
    model: { source: { ...source, uri: pinned(source.uri, baseModel) } },
    method: pinnedMethod(recorded),
    dataset: {
      ...spec.dataset,
      ...(sources ? { sources: pinnedAll(sources, data) } : {}),
      validation: validation.sources
        ? {
            ...validation,
            sources: pinnedAll(validation.sources, data.slice(sources?.length ?? 0)),
          }
        : validation,
    },
  }
}
