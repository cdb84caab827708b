/** One look at a model of the hub: its commit, and what its config.json says. */
import { architecturesOf, unsupportedConfig } from '@attune/crds/unsupported-config.ts'
import type { HubAnswer, HubClient, HubRequest } from './hub-client.ts'
import { filePath, type HubModel, infoPath } from './hub-model.ts'

/** What a look came to that shows no config.json. */
type Told = {
  readonly kind: 'told'
  readonly reason:
    | 'NotVerifiable'
    | 'SourceForbidden'
    | 'SourceNotFound'
    | 'SourceUnreachable'
    | 'ModelMalformed'
  readonly message: string
}
type Shown = {
  readonly kind: 'config'
  readonly architectures: readonly string[]
  /** why the trainer cannot tune it */
  readonly unsupported?: string
  /** as the hub counts them */
  readonly parameters?: number
}
export type Finding = (Told | Shown) & { readonly revision?: string }

export type ReadSource = (model: HubModel) => Promise<Finding>

export type ReadSourceOptions = {
  readonly hub: HubClient
  /** for one look, of several requests */
  readonly timeoutMs?: number
}

const LOOK_MS = 10_000
const INFO_BYTES = 1024 * 1024
/** As much as the trainer reads. */
const CONFIG_BYTES = 4 * 1024 * 1024
const CONFIG = 'config.json'
const NAMES_MAX = 8
const NAME_MAX = 128

type Json = Readonly<Record<string, unknown>>

const jsonOf = (text: string): Json | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Json)
      : undefined
  } catch {
    return undefined
  }
}

const told = (reason: Told['reason'], message: string, revision?: string): Finding => ({
  kind: 'told',
  reason,
  message,
  ...(revision === undefined ? {} : { revision }),
})

/** The same words each time, so that status stays as it is. */
const whyNoAnswer = (error: unknown, { aborted }: AbortSignal): string => {
  if (aborted) return 'no answer in time'
  return error instanceof Error && 'code' in error ? String(error.code) : 'no answer'
}

/** @returns undefined where there is a body to read */
const refusal = (what: string, { status, leadsAway }: HubAnswer, revision?: string) => {
  if (leadsAway)
    return told(
      'NotVerifiable',
      `${what}: the hub leads to another host, where the operator does not follow`,
      revision,
    )
  if (status === 401 || status === 403)
    return told(
      'SourceForbidden',
      `${what}: the hub asks for a token (HTTP ${status}), which the operator never has: it is gated, private, or does not exist`,
      revision,
    )
  if (status === 404 || status === 410)
    return told('SourceNotFound', `${what} does not exist (HTTP ${status})`, revision)
  if (status >= 200 && status < 300) return undefined
  return told('SourceUnreachable', `${what}: the hub answers HTTP ${status}`)
}

const parametersOf = ({ safetensors }: Json): { readonly parameters?: number } => {
  const total = typeof safetensors === 'object' && safetensors && 'total' in safetensors
  const parameters = total ? (safetensors as { total: unknown }).total : undefined
  return Number.isSafeInteger(parameters) && (parameters as number) > 0
    ? { parameters: parameters as number }
    : {}
}

const COMMIT = /^[0-9a-f]{40,64}$/

export const createReadSource =
  ({ hub, timeoutMs = LOOK_MS }: ReadSourceOptions): ReadSource =>
  async model => {
    const signal = AbortSignal.timeout(timeoutMs)
    const ask = (request: HubRequest) => hub(request, signal)
    try {
      const info = await ask({ method: 'GET', path: infoPath(model), maxBytes: INFO_BYTES })
      const refused = refusal(model.uri, info)
      if (refused) return refused
      const about = jsonOf(info.body ?? '') ?? {}
      const revision = about['sha']
      if (typeof revision !== 'string' || !COMMIT.test(revision))
        return told('SourceUnreachable', `${model.uri}: the hub does not say which commit it is`)
      return model.file
        ? await lookAtFile(ask, model, revision, model.file)
        : await readConfig(ask, model, revision, parametersOf(about))
    } catch (error) {
      return told('SourceUnreachable', `${model.uri}: ${whyNoAnswer(error, signal)}`)
    }
  }

type Ask = (request: HubRequest) => Promise<HubAnswer>

/** What a GGUF file is stands in itself, and it lies where the operator does not follow. */
const lookAtFile = async (
  ask: Ask,
  model: HubModel,
  revision: string,
  file: readonly string[],
): Promise<Finding> => {
  const answer = await ask({
    method: 'HEAD',
    path: filePath(model, revision, file),
    maxBytes: 0,
  })
  // large files lie on other hosts
  const refused = answer.leadsAway ? undefined : refusal(model.uri, answer, revision)
  if (refused) return refused
  const message = `${model.uri}: the hub has the file; Prepare reads from it what it is`
  return told('NotVerifiable', message, revision)
}

const readConfig = async (
  ask: Ask,
  model: HubModel,
  revision: string,
  facts: { readonly parameters?: number },
): Promise<Finding> => {
  const path = filePath(model, revision, [CONFIG])
  const answer = await ask({ method: 'GET', path, maxBytes: CONFIG_BYTES })
  const what = `${model.uri} (${CONFIG})`
  // a repository of one GGUF file has none
  if (answer.status === 404) {
    const message = `${model.uri} has no ${CONFIG}; Prepare reads from its GGUF file what it is`
    return told('NotVerifiable', message, revision)
  }
  const refused = refusal(what, answer, revision)
  if (refused) return refused
  if (answer.body === undefined)
    return told('ModelMalformed', `${what} has more than ${CONFIG_BYTES} bytes`, revision)
  const config = jsonOf(answer.body)
  if (!config) return told('ModelMalformed', `${what} is no JSON object`, revision)
  const unsupported = unsupportedConfig(config)
  const architectures = architecturesOf(config)
  return {
    kind: 'config',
    revision,
    architectures: architectures.slice(0, NAMES_MAX).map(name => name.slice(0, NAME_MAX)),
    ...(unsupported === undefined ? {} : { unsupported }),
    ...facts,
  }
}
