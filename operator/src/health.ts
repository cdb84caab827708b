/** The two small servers of the operator: metrics, and what the kubelet's probes ask. */
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'

export type RunningServer = { readonly port: number; close(): Promise<void> }

type Answer = { readonly status: number; readonly type?: string; readonly body: string }
type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>

const MAX_HEADER_BYTES = 8 * 1024
const TIMEOUT_MS = 10_000
const PLAIN = 'text/plain; charset=utf-8'

const send = (response: ServerResponse, { status, type = PLAIN, body }: Answer) => {
  response.writeHead(status, { 'content-type': type }).end(body)
}

const serve = async (port: number, routes: Routes): Promise<RunningServer> => {
  const server: Server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    const route = request.method === 'GET' && Object.hasOwn(routes, path) ? routes[path] : undefined
    if (!route) return send(response, { status: 404, body: 'not found\n' })
    Promise.resolve()
      .then(route)
      .then(
        answer => send(response, answer),
        (error: Error) => send(response, { status: 500, body: `${error.message}\n` }),
      )
  })
  server.requestTimeout = TIMEOUT_MS
  server.listen(port)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export const serveMetrics = (port: number, registry: Registry): Promise<RunningServer> =>
  serve(port, {
    '/metrics': async () => ({
      status: 200,
      type: registry.contentType,
      body: await registry.metrics(),
    }),
  })

export const serveHealth = (port: number, isReady: () => boolean): Promise<RunningServer> =>
  serve(port, {
    '/healthz': () => ({ status: 200, body: 'ok\n' }),
    '/readyz': () =>
      isReady()
        ? { status: 200, body: 'ok\n' }
        : { status: 503, body: 'caches are being filled\n' },
  })
