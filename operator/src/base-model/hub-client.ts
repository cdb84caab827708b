/**
 * Requests to the one hub that is configured: no token, no other host, bounded in time, bytes and redirects. Over
 * node:http, because `fetch` of Node 24.21 can end the process when a server closes its connection under a large
 * answer (nodejs/undici#5360), and knows no proxy of its own.
 */
import { Agent, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as SecureAgent, request as requestHttps } from 'node:https'
import type { JobConfig } from '../job/job-config.ts'

const REDIRECTS_MAX = 3
const HEADERS = { 'user-agent': 'attune-operator', accept: 'application/json' }

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
const readBounded = async (
  answer: IncomingMessage,
  maxBytes: number,
): Promise<string | undefined> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  // leaving the loop ends the connection
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const isRedirect = (status: number) => [301, 302, 303, 307, 308].includes(status)

type Proxy = JobConfig['proxy']
type Send = (
  url: URL,
  method: HubRequest['method'],
  signal: AbortSignal,
) => Promise<IncomingMessage>

/** A connection for each request: hours lie between them. */
const createSend = (proxy: Proxy): Send => {
  const proxyEnv = proxy
    ? {
        HTTP_PROXY: proxy.url,
        HTTPS_PROXY: proxy.url,
        ...(proxy.noProxy ? { NO_PROXY: proxy.noProxy } : {}),
      }
    : undefined
  const options = proxyEnv ? { proxyEnv } : {}
  const [plain, secure] = [new Agent(options), new SecureAgent(options)]
  return (url, method, signal) =>
    new Promise((resolve, reject) => {
      const isSecure = url.protocol === 'https:'
      const start = isSecure ? requestHttps : requestHttp
      const agent = isSecure ? secure : plain
      start(url, { method, signal, agent, headers: HEADERS }, resolve).on('error', reject).end()
    })
}

/** Undefined where it is no redirect, or one to nowhere. */
const redirection = ({ statusCode = 0, headers: { location } }: IncomingMessage, from: URL) =>
  isRedirect(statusCode) && location !== undefined
    ? { to: URL.parse(location, from.href) }
    : undefined

/** @param proxy through which the hub is asked; the hosts of `noProxy` are asked without it */
export const createHubClient = (endpoint: string = DEFAULT_HUB, proxy?: Proxy): HubClient => {
  const base = endpoint.replace(/\/+$/, '')
  const { origin } = new URL(base)
  const send = createSend(proxy)

  return async ({ method, path, maxBytes }, signal) => {
    let url = new URL(`${base}${path}`)
    for (let redirects = 0; ; redirects += 1) {
      const answer = await send(url, method, signal)
      const { statusCode: status = 0 } = answer
      const redirect = redirection(answer, url)
      if (redirect?.to?.origin === origin && redirects < REDIRECTS_MAX) {
        answer.destroy()
        url = redirect.to
        continue
      }
      if (status < 200 || status > 299 || method === 'HEAD') {
        answer.destroy()
        return { status, leadsAway: redirect !== undefined }
      }
      const body = await readBounded(answer, maxBytes)
      return { status, leadsAway: false, ...(body === undefined ? {} : { body }) }
    }
  }
}
