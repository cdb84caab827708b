/** Requests to the one hub that is configured: no token, no other host, bounded in time, bytes and redirects. */

const REDIRECTS_MAX = 3
const USER_AGENT = 'attune-operator'

export type HubAnswer = {
  readonly status: number
  /** it leads to another host, where the operator does not follow */
  readonly leadsAway: boolean
  /** absent where it was not asked for, or is longer than allowed */
  readonly body?: string
}

export type HubRequest = {
  readonly method: 'GET' | 'HEAD'
  /** with its query */
  readonly path: string
  readonly maxBytes: number
}

/** Rejects where no answer comes. */
export type HubClient = (request: HubRequest, signal: AbortSignal) => Promise<HubAnswer>

export const DEFAULT_HUB = 'https://huggingface.co'

/** @returns undefined where there are more bytes */
const readBounded = async (response: Response, maxBytes: number): Promise<string | undefined> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  // leaving the loop cancels the rest
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const isRedirect = (status: number) => [301, 302, 303, 307, 308].includes(status)

export const createHubClient = (endpoint: string = DEFAULT_HUB): HubClient => {
  const base = endpoint.replace(/\/+$/, '')
  const { origin } = new URL(base)

  return async ({ method, path, maxBytes }, signal) => {
    let url = new URL(`${base}${path}`)
    for (let redirects = 0; ; redirects += 1) {
      const response = await fetch(url, {
        method,
        signal,
        redirect: 'manual',
        headers: { 'user-agent': USER_AGENT, accept: 'application/json' },
      })
      const { status } = response
      const location = isRedirect(status) ? response.headers.get('location') : null
      const next = location === null ? undefined : URL.parse(location, url.href)
      if (next && next.origin === origin && redirects < REDIRECTS_MAX) {
        await response.body?.cancel()
        url = next
        continue
      }
      if (!response.ok || method === 'HEAD') {
        await response.body?.cancel()
        return { status, leadsAway: location !== null }
      }
      const body = await readBounded(response, maxBytes)
      return { status, leadsAway: false, ...(body === undefined ? {} : { body }) }
    }
  }
}
