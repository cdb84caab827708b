/** Where model and data came from, as Prepare noted it. */
import { join } from 'node:path'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { isJsonObject, readJsonObject } from '../weights/read-json.ts'
import type { SourceDigest } from './provenance.ts'

/** Below the Prepare folder: `{model: {uri, revision, digest}, data: [{uri, revision, digest}]}`. */
export const SOURCES_FILE = 'sources.json'
const MAX_BYTES = 2 ** 20

const asSource = (value: unknown): SourceDigest | undefined => {
  if (!isJsonObject(value) || typeof value['uri'] !== 'string') return undefined
  const { uri, revision, digest } = value
  return {
    uri,
    ...(typeof revision === 'string' ? { revision } : {}),
    ...(typeof digest === 'string' ? { digest } : {}),
  }
}

/** Sources of the spec, with revision and digest where Prepare noted them. */
export const sourcesOf = async (
  spec: ResolvedSpec,
  prepareFolder: string,
): Promise<{ readonly baseModel: SourceDigest; readonly data: readonly SourceDigest[] }> => {
  const noted = await readJsonObject(join(prepareFolder, SOURCES_FILE), MAX_BYTES)
  const { sources, validation } = spec.dataset
  const data = Array.isArray(noted?.['data']) ? noted['data'].map(asSource) : []
  const wanted = [...sources, ...(validation.sources ?? [])].map(({ uri }) => uri)
  return {
    baseModel: asSource(noted?.['model']) ?? { uri: spec.model.source.uri },
    data: wanted.map(uri => data.find(source => source?.uri === uri) ?? { uri }),
  }
}
