/** One HTTP request over a connection that is kept alive; no retries, no bodies read. */
import { createHash } from 'node:crypto'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import type { KubeConnection, KubeCredentials } from './kube-connection.ts'

export type HttpRequest = {
  readonly method: string
  /** With the query; below the path of the server's URL. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Ends the request, and the response after it. */
  readonly signal: AbortSignal
}

export type Transport = {
  send(request: HttpRequest): Promise<IncomingMessage>
  close(): void
}

// The API server closes idle connections after 90 s: we must be first, or a request meets a closed socket.
const IDLE_MS = 30_000
const MAX_SOCKETS = 128

const fingerprint = (tls: KubeCredentials['tls']) => {
  const hash = createHash('sha256')
  for (const value of Object.values(tls)) hash.update(`${value}\0`)
  return hash.digest('hex')
}

/** A new agent whenever the certificates change; sockets of the old one end when they fall idle. */
const createAgentPool = (secure: boolean) => {
  const agents = new Set<http.Agent>()
  let current: { readonly key: string; readonly agent: http.Agent } | undefined
  return {
    agentFor: ({ tls, proxyAgent }: KubeCredentials) => {
      if (proxyAgent) return proxyAgent
      const key = fingerprint(tls)
      if (current?.key === key) return current.agent
      const keepAlive = { keepAlive: true, timeout: IDLE_MS, maxSockets: MAX_SOCKETS }
      const agent = secure ? new https.Agent({ ...keepAlive, ...tls }) : new http.Agent(keepAlive)
      agents.add(agent)
      current = { key, agent }
      return agent
    },
    close: () => {
      for (const agent of agents) agent.destroy()
      agents.clear()
      current = undefined
    },
  }
}

export const createTransport = (connection: KubeConnection, userAgent: string): Transport => {
  const { server } = connection
  const secure = server.protocol === 'https:'
  const pool = createAgentPool(secure)
  const prefix = server.pathname.replace(/\/$/, '')

  const send = async ({ method, path, headers, body, signal }: HttpRequest) => {
    const credentials = await connection.credentials()
    signal.throwIfAborted()
    return new Promise<IncomingMessage>((resolve, reject) => {
      const request = (secure ? https : http).request({
        // brackets belong to the URL of an IPv6 address, not to the address
        host: server.hostname.replace(/^\[|\]$/g, ''),
        port: server.port || (secure ? 443 : 80),
        method,
        path: prefix + path,
        agent: pool.agentFor(credentials),
        signal,
        headers: {
          Accept: 'application/json',
          'User-Agent': userAgent,
          ...headers,
          ...credentials.headers,
          ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
        },
      })
      request.once('response', resolve)
      request.on('error', reject)
      request.end(body)
    })
  }
  return { send, close: pool.close }
}
