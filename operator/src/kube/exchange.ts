/** A request and its answer: deadline, bounded retries, errors as `KubeError`, one observation each. */
import type { IncomingMessage } from 'node:http'
import { backoffDelay } from './backoff.ts'
import { type Clock, sleep } from './clock.ts'
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

type Stop = () => void

/**
 * Runs `work` with a signal that the caller's signal and the deadline abort, and gives failures their kind.
 * `work` may keep the caller's signal beyond its end by taking over `stop`, which lets go of it.
 */
const withDeadline = async <T>(
  { clock, limits }: ExchangeOptions,
  request: KubeRequest,
  work: (signal: AbortSignal, stop: Stop) => Promise<{ result: T; keepsSignal: boolean }>,
): Promise<T> => {
  request.signal?.throwIfAborted()
  const controller = new AbortController()
  const onAbort = () => controller.abort(request.signal?.reason)
  request.signal?.addEventListener('abort', onAbort, { once: true })
  let timedOut = false
  const cancelTimer = clock.after(limits.timeoutMs, () => {
    timedOut = true
    controller.abort()
  })
  const stop = () => request.signal?.removeEventListener('abort', onAbort)
  let kept = false
  try {
    const { result, keepsSignal } = await work(controller.signal, stop)
    kept = keepsSignal
    return result
  } catch (cause) {
    if (request.signal?.aborted) throw request.signal.reason
    if (cause instanceof KubeError) throw cause
    const reason = timedOut ? REQUEST_TIMEOUT : CONNECTION_FAILED
    const what = timedOut ? `no answer within ${limits.timeoutMs} ms` : (cause as Error).message
    throw new KubeError({ status: 0, reason, message: `${describe(request)}: ${what}` }, { cause })
  } finally {
    cancelTimer()
    if (!kept) stop()
  }
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
  return {
    json: request =>
      withRetries(request, () =>
        withDeadline(options, request, async signal => {
          const response = await open(options, request, signal)
          const text = await readText(response, options.limits.maxResponseBytes)
          return { result: parseJson(text, describe(request)), keepsSignal: false }
        }),
      ),
    stream: request =>
      withDeadline(options, request, async (signal, stop) => {
        const response = await open(options, request, signal)
        response.once('close', stop)
        return { result: response, keepsSignal: true }
      }),
  }
}
