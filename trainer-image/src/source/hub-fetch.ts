/** The `fetch` that the hub's library is given: stoppable, bounded, and with the token for the hub alone. */
import { httpFetch } from './http-fetch.ts'
import { statusError } from './http-status.ts'
import { BusySource } from './retry.ts'

/** Largest answer of the hub's API: a listing of 1,000 files has about 300 KB. */
const MAX_API_BYTES = 32 * 1024 * 1024

export const hubFetch = (
  uri: string,
  hubUrl: string,
  token: string | undefined,
  signal: AbortSignal,
  next: typeof fetch = httpFetch,
): typeof fetch => {
  const hub = new URL(hubUrl)
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const headers = new Headers(init?.headers)
    // the library accepts only tokens that begin with hf_, mirrors have their own
    if (token && url.origin === hub.origin) headers.set('authorization', `Bearer ${token}`)
    const signals = init?.signal ? AbortSignal.any([init.signal, signal]) : signal
    const response = await next(input, { ...init, headers, signal: signals })
    if (response.status === 429 || response.status === 503) {
      await response.body?.cancel()
      const error = statusError(uri, response.status, '', response.headers.get('retry-after'))
      throw error instanceof BusySource ? error : new Error(`${uri}: HTTP ${response.status}`)
    }
    return url.pathname.includes('/api/') && response.body ? bounded(uri, response) : response
  }
}

const bounded = (uri: string, response: Response): Response => {
  let bytes = 0
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.length
      if (bytes > MAX_API_BYTES)
        controller.error(new Error(`${uri}: an answer of more than ${MAX_API_BYTES} bytes`))
      else controller.enqueue(chunk)
    },
  })
  const { status, statusText, headers } = response
  return new Response(response.body?.pipeThrough(counter), { status, statusText, headers })
}
