/** Instant queries of Prometheus' HTTP API; what answers is not trusted. */
import { CliError, causeOf } from '../cli-error.ts'

export type Sample = {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}
export type Query = (expression: string) => Promise<readonly Sample[]>

const TIMEOUT_MS = 60_000
const MAX_BYTES = 16 * 1024 * 1024
const MAX_TOLD = 300

/** @returns the address to which `/api/v1/query` is appended */
export const parsePrometheusUrl = (text: string): string => {
  const url = URL.parse(text)
  if (!url || !['http:', 'https:'].includes(url.protocol))
    throw new CliError(`--prometheus: ${JSON.stringify(text)} is no http or https URL`)
  if (url.username || url.password)
    throw new CliError('--prometheus: a URL with a user or a password cannot be given')
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

const readBounded = async (response: Response, url: string): Promise<string> => {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_BYTES) throw new CliError(`${url} answered more than ${MAX_BYTES} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

const ask = async (url: string, expression: string) => {
  try {
    const response = await fetch(`${url}/api/v1/query`, {
      method: 'POST',
      body: new URLSearchParams({ query: expression }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    return { status: response.status, text: await readBounded(response, url) }
  } catch (error) {
    if (error instanceof CliError) throw error
    const cause = error instanceof Error && error.cause ? error.cause : error
    const why =
      error instanceof Error && error.name === 'TimeoutError'
        ? `no answer within ${TIMEOUT_MS / 1000} s`
        : causeOf(cause)
    throw new CliError(`${url} cannot be asked: ${why}`, 1, { cause: error })
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

const parsed = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : {}
  } catch {
    // said by the caller, with what was answered
    return {}
  }
}

const sampleOf = (item: unknown): readonly Sample[] => {
  if (!isRecord(item) || !isRecord(item['metric']) || !Array.isArray(item['value'])) return []
  const value = Number(item['value'][1])
  const labels = Object.entries(item['metric']).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return Number.isFinite(value) ? [{ labels: Object.fromEntries(labels), value }] : []
}

/** @param text body of an answer; throws `CliError` where it is no vector */
export const samplesOf = (url: string, status: number, text: string): readonly Sample[] => {
  const { status: outcome, data, error } = parsed(text)
  if (outcome === 'error')
    throw new CliError(`${url} refused the query: ${String(error).slice(0, MAX_TOLD)}`)
  if (outcome !== 'success' || !isRecord(data) || !Array.isArray(data['result']))
    throw new CliError(
      `${url} does not answer as Prometheus does (HTTP ${status}): ${JSON.stringify(text.slice(0, MAX_TOLD))}`,
    )
  return data['result'].flatMap(sampleOf)
}

export const prometheusAt =
  (url: string): Query =>
  async expression => {
    const { status, text } = await ask(url, expression)
    return samplesOf(url, status, text)
  }
