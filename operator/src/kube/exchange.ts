/** A request and its answer: deadline, bounded retries, errors as `KubeError`, one observation each. */
import type { IncomingMessage } from 'node:http'
import { backoffDelay } from './backoff.ts'
import { type Clock, sleep } from './clock.ts'
import { type Deadline, startDeadline } from './deadline.ts'
import type { RequestObservation } from './kube-client.ts'
import {
  CONNECTION_FAILED,
  isConnectionFailure,
  KubeError,
  type KubeStatus,
  kubeErrorOfStatus,
  REQUEST_TIMEOUT,
  RESPONSE_MALFORMED,
} from './kube-error.ts'
import { readText } from './response-body.ts'
import type { Transport } from './transport.ts'

export type KubeRequest = {
  readonly verb: string
  readonly resource: string
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  /** Sending it twice does what sending it once does: a lost answer is asked for again. */
  readonly idempotent: boolean
  readonly signal?: AbortSignal
}

export type ExchangeLimits = {
  readonly timeoutMs: number
  readonly maxResponseBytes: number
  readonly maxAttempts: number
  readonly maxRetryAfterMs: number
}

export type ExchangeOptions = {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: () => number
  readonly observe: (observation: RequestObservation) => void
  readonly limits: ExchangeLimits
}

export type Exchange = {
  /** The parsed body of a success. */
  json(request: KubeRequest): Promise<Record<string, unknown>>
  /** A success whose body is still to be read; the deadline ends with the headers. */
  stream(request: KubeRequest): Promise<IncomingMessage>
}

const RETRY_BACKOFF = { baseMs: 100, capMs: 5_000 }
const MAX_ERROR_BYTES = 1024 * 1024

const describe = ({ method, path }: KubeRequest) => `${method} ${path}`

export const parseJson = (text: string, what: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text)
    if (value !== null && typeof value === 'object' && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch {
    // said below, with what was asked for
  }
  const message = `${what}: the answer is not a JSON object but ${JSON.stringify(text.slice(0, 200))}`
  throw new KubeError({ status: 0, reason: RESPONSE_MALFORMED, message })
}

const errorOfResponse = async (response: IncomingMessage, request: KubeRequest) => {
  const status = response.statusCode ?? 0
  const text = await readText(response, MAX_ERROR_BYTES)
  const retryAfter = Number(response.headers['retry-after'])
  const hint = Number.isFinite(retryAfter) ? { retryAfterSeconds: retryAfter } : {}
  let body: KubeStatus
  try {
    body = JSON.parse(text) as KubeStatus
  } catch {
    // proxies and the server's own overload filter answer in plain text
    body = { code: status, message: text.trim().slice(0, 1024) || `HTTP ${status}` }
  }
  const details = { ...hint, ...body.details }
  return kubeErrorOfStatus({ ...body, code: status, details }, status, describe(request))
}

const failure = (request: KubeRequest, deadline: Deadline, cause: unknown) => {
  if (request.signal?.aborted) return request.signal.reason
  if (cause instanceof KubeError) return cause
  const reason = deadline.isOver() ? REQUEST_TIMEOUT : CONNECTION_FAILED
  const { message } = deadline.isOver() ? (deadline.signal.reason as Error) : (cause as Error)
  const text = `${describe(request)}: ${message}`
  return new KubeError({ status: 0, reason, message: text }, { cause })
}

const deadlineOf = ({ clock, limits }: ExchangeOptions, request: KubeRequest) => {
  request.signal?.throwIfAborted()
  const message = `no answer within ${limits.timeoutMs} ms`
  return startDeadline(clock, limits.timeoutMs, request.signal, message)
}

const open = async (options: ExchangeOptions, request: KubeRequest, signal: AbortSignal) => {
  const { method, path, body, contentType = 'application/json' } = request
  const started = options.clock.monotonic()
  let code: number | 'error' = 'error'
  try {
    const response = await options.transport.send({
      method,
      path,
      signal,
      headers: body === undefined ? {} : { 'Content-Type': contentType },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    code = response.statusCode ?? 'error'
    if (typeof code === 'number' && code >= 200 && code < 300) return response
    throw await errorOfResponse(response, request)
  } finally {
    const { verb, resource } = request
    const seconds = (options.clock.monotonic() - started) / 1000
    options.observe({ verb, code, resource, seconds })
  }
}

/** Milliseconds until the next attempt; `undefined` where there is none to make. */
const retryDelay = (
  { limits, random }: ExchangeOptions,
  request: KubeRequest,
  error: unknown,
  attempt: number,
): number | undefined => {
  if (attempt >= limits.maxAttempts || !(error instanceof KubeError)) return undefined
  // 429 is answered before anything was done, so it is safe for every verb
  const mayRepeat =
    error.status === 429 ||
    (request.idempotent && (error.status === 503 || isConnectionFailure(error)))
  if (!mayRepeat) return undefined
  const asked = error.details.retryAfterSeconds
  if (asked !== undefined && asked >= 0) return Math.min(asked * 1000, limits.maxRetryAfterMs)
  return backoffDelay(RETRY_BACKOFF, attempt - 1, random)
}

export const createExchange = (options: ExchangeOptions): Exchange => {
  const withRetries = async <T>(request: KubeRequest, work: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work()
      } catch (error) {
        const delay = retryDelay(options, request, error, attempt)
        if (delay === undefined) throw error
        await sleep(options.clock, delay, request.signal)
      }
    }
  }
  const json = async (request: KubeRequest) => {
    const deadline = deadlineOf(options, request)
    try {
      const response = await open(options, request, deadline.signal)
      const text = await readText(response, options.limits.maxResponseBytes)
      return parseJson(text, describe(request))
    } catch (error) {
      throw failure(request, deadline, error)
    } finally {
      deadline.release()
    }
  }
  const stream = async (request: KubeRequest) => {
    const deadline = deadlineOf(options, request)
    try {
      const response = await open(options, request, deadline.signal)
      deadline.stopTimer()
      response.once('close', deadline.release)
      return response
    } catch (error) {
      deadline.release()
      throw failure(request, deadline, error)
    }
  }
  return { json: request => withRetries(request, () => json(request)), stream }
}
