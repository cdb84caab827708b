/**
 * `fetch` over node:http. That of Node 24.21 ends the process by an exception that nobody can catch
 * when a server closes its connection under a large answer (nodejs/undici#5360).
 */
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'

/** As fetch has it. */
const MAX_REDIRECTS = 20
const SILENCE_MS = 300_000
/** Read at once, since callers leave what they do not need, and with it a connection, open. */
const SMALL_BYTES = 64 * 1024
const WITHOUT_BODY = [204, 205, 304]

type Sent = {
  readonly url: URL
  readonly method: string
  readonly headers: Headers
  readonly body: Buffer | undefined
}

const send = ({ url, method, headers, body }: Sent, signal: AbortSignal | undefined) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    signal?.throwIfAborted()
    const start = url.protocol === 'https:' ? requestHttps : requestHttp
    const request = start(url, { method, headers: Object.fromEntries(headers) }, resolve)
    const onAbort = () => request.destroy(asError(signal?.reason))
    signal?.addEventListener('abort', onAbort, { once: true })
    request.once('close', () => signal?.removeEventListener('abort', onAbort))
    request.on('error', reject)
    request.setTimeout(SILENCE_MS, () =>
      request.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
    )
    request.end(body)
  })

const asError = (reason: unknown) => (reason instanceof Error ? reason : new Error(String(reason)))

const headersOf = ({ rawHeaders }: IncomingMessage): Headers => {
  const headers = new Headers()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '')
  return headers
}

const bodyOf = async (answer: IncomingMessage, signal: AbortSignal | undefined) => {
  if (Number(answer.headers['content-length'] ?? Number.NaN) <= SMALL_BYTES) return buffer(answer)
  const onAbort = () => answer.destroy(asError(signal?.reason))
  signal?.addEventListener('abort', onAbort, { once: true })
  answer.once('close', () => signal?.removeEventListener('abort', onAbort))
  return Readable.toWeb(answer) as ReadableStream<Uint8Array>
}

const responseOf = async (answer: IncomingMessage, signal: AbortSignal | undefined) => {
  const { statusCode: status = 0 } = answer
  const encoding = answer.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') {
    answer.destroy()
    throw new Error(`the answer is encoded by ${encoding}, which nobody asked for`)
  }
  const body = await bodyOf(answer, signal)
  return new Response(WITHOUT_BODY.includes(status) ? null : body, {
    status,
    headers: headersOf(answer),
  })
}

/** A name and a password are for the one they were given to. */
const redirected = (sent: Sent, status: number, location: string): Sent => {
  const url = URL.parse(location, sent.url.href)
  if (!url || !/^https?:$/.test(url.protocol)) throw new Error('redirected to no address')
  const headers = new Headers(sent.headers)
  if (url.origin !== sent.url.origin)
    for (const name of ['authorization', 'cookie', 'proxy-authorization']) headers.delete(name)
  const isGet = status === 303 || (status < 303 && sent.method === 'POST')
  if (!isGet) return { ...sent, url, headers }
  for (const name of ['content-type', 'content-length']) headers.delete(name)
  return { url, headers, method: 'GET', body: undefined }
}

const answered = async (sent: Sent, init: RequestInit, redirects: number): Promise<Response> => {
  const { redirect = 'follow', signal } = init
  const answer = await send(sent, signal ?? undefined)
  const { statusCode = 0, headers } = answer
  const isRedirect = [301, 302, 303, 307, 308].includes(statusCode)
  if (!isRedirect || redirect === 'manual' || headers.location === undefined)
    return responseOf(answer, signal ?? undefined)
  answer.destroy()
  if (redirect === 'error') throw new Error('redirected')
  if (redirects === MAX_REDIRECTS) throw new Error(`redirected more than ${MAX_REDIRECTS} times`)
  return answered(redirected(sent, statusCode, headers.location), init, redirects + 1)
}

/** Asks for bodies as they are; what fails is told as `fetch` tells it. */
export const httpFetch: typeof fetch = async (input, init = {}) => {
  const { url, method, headers, body } = new Request(input, { ...init, signal: null })
  if (!headers.has('accept-encoding')) headers.set('accept-encoding', 'identity')
  const content = body ? await buffer(body) : undefined
  try {
    return await answered({ url: new URL(url), method, headers, body: content }, init, 0)
  } catch (cause) {
    if (init.signal?.aborted) throw init.signal.reason
    throw new TypeError('fetch failed', { cause })
  }
}
