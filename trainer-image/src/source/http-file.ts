/** A single file by https://, with bounded redirects and byte ranges. */
import { invalidSpec } from '../stage-error.ts'
import type { Download, OpenedStream } from './download.ts'
import { httpFetch } from './http-fetch.ts'
import { statusError } from './http-status.ts'
import { isAllowedOrigin, isLoopback } from './parse-uri.ts'

const MAX_REDIRECTS = 5

type HttpDownload = Pick<Download, 'what' | 'path' | 'maxBytes' | 'onBytes'>

/** @returns a download that is resumed only while the server names the same content (a strong ETag) */
export const httpDownload = (url: URL, file: HttpDownload): Download => {
  let etag: string | undefined
  return {
    ...file,
    identity: undefined,
    checksum: undefined,
    open: async (offset, signal) => {
      // without an ETag from this process nothing says that what is there belongs to this content
      const from = etag === undefined ? 0 : offset
      const response = await follow(url, file.what, signal, {
        // encoded bodies have lengths of their own
        'accept-encoding': 'identity',
        ...(from > 0 && etag !== undefined ? { range: `bytes=${from}-`, 'if-range': etag } : {}),
      })
      const found = response.headers.get('etag')
      etag = found?.startsWith('"') ? found : undefined
      return opened(response)
    },
  }
}

const opened = (response: Response): OpenedStream => {
  const body = response.body
  if (!body) throw new Error('the answer has no body')
  if (response.status === 206) {
    const [, start, total] =
      /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '') ?? []
    if (start === undefined) throw new Error('the answer does not say which bytes it has')
    return { offset: Number(start), totalBytes: Number(total), body }
  }
  const length = response.headers.get('content-length')
  return { offset: 0, totalBytes: length === null ? undefined : Number(length), body }
}

const follow = async (
  origin: URL,
  what: string,
  signal: AbortSignal,
  headers: Record<string, string>,
): Promise<Response> => {
  let url = origin
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await httpFetch(url, { headers, signal, redirect: 'manual' })
    if (response.status < 300 || response.status >= 400) {
      if (response.ok) return response
      await response.body?.cancel()
      throw statusError(
        what,
        response.status,
        'the file must be readable without a password, or come by hf:// with a token',
        response.headers.get('retry-after'),
      )
    }
    await response.body?.cancel()
    url = redirectTarget(what, origin, url, response.headers.get('location'))
  }
  throw invalidSpec(`${what} is redirected more than ${MAX_REDIRECTS} times; give the final URL`)
}

/** To https only; to plain http only from a test server on this machine to this machine. */
const redirectTarget = (what: string, origin: URL, from: URL, location: string | null): URL => {
  const target = location === null ? null : URL.parse(location, from.href)
  if (!target) throw new Error('redirected without a location')
  const allowed =
    target.protocol === 'https:' || (origin.protocol === 'http:' && isAllowedOrigin(target))
  if (!allowed || (isLoopback(target) && !isLoopback(origin)))
    throw invalidSpec(
      `${what} is redirected to ${target.origin}, which is not https; give another URL`,
    )
  return target
}
