/** Which model of the hub an entry names, and how the hub is asked for it. Hosts are never taken from an entry. */
import { parseHubUri } from '@attune/crds/hub-uri.ts'
import { unsupportedArchitecture } from '@attune/crds/supported-architectures.ts'
import type { BaseModel } from './kinds.ts'

export type HubModel = {
  readonly uri: string
  /** owner/name */
  readonly name: string
  readonly revision: string
  /** one GGUF file of the repository, in place of a folder with a config.json */
  readonly file?: readonly string[]
}

export const isOfHub = (uri: string): boolean => uri.startsWith('hf://')

const DEFAULT_REVISION = 'main'

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

const partsOf = (path: string): readonly string[] | undefined => {
  const parts = path.split('/').map(decoded)
  const isSafe = (part: string | undefined): part is string =>
    part !== undefined && part !== '..' && !/[/\0]/.test(part)
  return parts.every(isSafe) ? parts.filter(part => part !== '' && part !== '.') : undefined
}

/** @returns what is wrong with the uri, as a text, where it names no model */
export const hubModelOf = (uri: string): HubModel | string => {
  const found = parseHubUri(uri)
  const revision = decoded(found?.revision ?? DEFAULT_REVISION)
  const file = found?.path === undefined ? undefined : partsOf(found.path)
  if (!found || revision === undefined || (found.path !== undefined && !file))
    return `spec.source.uri ${uri} is not hf://owner/name[@revision][/file.gguf]`
  if (found.type === 'dataset') return `spec.source.uri ${uri} is a dataset`
  if (file && !file.at(-1)?.endsWith('.gguf'))
    return `spec.source.uri ${uri} is a single file and not .gguf; give the repository or a .gguf file`
  return { uri, name: found.name, revision, ...(file ? { file } : {}) }
}

/** Where the answer would change nothing, the hub is not asked. */
export const hubModelToAsk = ({ metadata, spec }: BaseModel): HubModel | undefined => {
  if (!spec || metadata.deletionTimestamp || unsupportedArchitecture(spec.architecture))
    return undefined
  if (!isOfHub(spec.source.uri)) return undefined
  const model = hubModelOf(spec.source.uri)
  return typeof model === 'string' ? undefined : model
}

/** The same paths as the hub's own client asks for. */
export const infoPath = ({ name, revision }: HubModel): string =>
  `/api/models/${name}/revision/${encodeURIComponent(revision)}?expand=sha&expand=safetensors`

export const filePath = ({ name }: HubModel, commit: string, file: readonly string[]): string =>
  `/${name}/resolve/${encodeURIComponent(commit)}/${file.map(encodeURIComponent).join('/')}`
