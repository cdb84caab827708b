/** Where model and data came from, as it may be shown. */
import { parseHubUri } from '@attune/crds/hub-uri.ts'
import type { StageSpec } from '@attune/crds/resolved-spec.ts'
import { readRecords } from '../data/fetch-sources.ts'
import type { AdapterDescription } from './peft-adapter.ts'
import type { Provenance, SourceDigest } from './provenance.ts'

/** Signed URLs carry their secret behind the question mark. */
export const publicUri = (uri: string): string =>
  /^https?:/.test(uri) ? uri.replace(/[?#].*$/, '') : uri

const publicSource = <S extends { readonly uri: string }>(source: S): S => ({
  ...source,
  uri: publicUri(source.uri),
})

/** The spec without what only its owner may know. */
export const publicSpec = (spec: StageSpec): StageSpec => {
  const { validation } = spec.dataset
  const { lora } = spec.method
  return {
    ...spec,
    ...(lora.startFrom
      ? { method: { ...spec.method, lora: { ...lora, startFrom: publicSource(lora.startFrom) } } }
      : {}),
    model: { source: publicSource(spec.model.source) },
    dataset: {
      ...spec.dataset,
      ...(spec.dataset.sources ? { sources: spec.dataset.sources.map(publicSource) } : {}),
      validation: validation.sources
        ? { ...validation, sources: validation.sources.map(publicSource) }
        : validation,
    },
  }
}

const withDigest = ({ uri, revision, digest }: SourceDigest): SourceDigest => ({
  uri: publicUri(uri),
  ...(revision === undefined ? {} : { revision }),
  ...(digest === undefined ? {} : { digest }),
})

/** Sources of the spec, with revision and digest as Prepare noted them. */
export const sourcesOf = async (
  spec: StageSpec,
  prepareFolder: string,
): Promise<Pick<Provenance, 'baseModel' | 'startAdapter' | 'data'>> => {
  const records = await readRecords(prepareFolder)
  const { sources = [], validation } = spec.dataset
  const data: readonly SourceDigest[] = records
    ? [...records.train, ...(records.validation ?? [])]
    : [...sources, ...(validation.sources ?? [])].map(({ uri }) => ({ uri }))
  return {
    baseModel: withDigest(records?.model ?? { uri: spec.model.source.uri }),
    ...(records?.adapter ? { startAdapter: withDigest(records.adapter) } : {}),
    data: data.map(withDigest),
  }
}

/** The base as PEFT loads it: `hf://owner/name@main` is `owner/name` at the commit that was trained on. */
export const adapterBase = ({
  uri,
  revision,
}: SourceDigest): Pick<AdapterDescription, 'baseModel' | 'baseRevision'> => {
  const hub = parseHubUri(uri)
  const commit = revision ?? hub?.revision
  return {
    baseModel: hub?.name ?? publicUri(uri),
    ...(commit === undefined ? {} : { baseRevision: commit }),
  }
}
