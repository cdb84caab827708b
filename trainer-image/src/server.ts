/** The trainer pod's only port: /metrics for Prometheus, /progress for the operator, /healthz for the kubelet. */
import { createServer, type Server } from 'node:http'
import type { Progress } from '@attune/crds/stage.ts'
import type { Registry } from 'prom-client'

export type ServerOptions = {
  readonly port: number
  readonly host?: string
  readonly registry: Registry
  readonly progress: () => Progress
}

type Reply = { readonly status: number; readonly type: string; readonly body: string }

const reply = async (path: string, { registry, progress }: ServerOptions): Promise<Reply> => {
  if (path === '/metrics')
    return { status: 200, type: registry.contentType, body: await registry.metrics() }
  if (path === '/progress')
    return { status: 200, type: 'application/json', body: JSON.stringify(progress()) }
  if (path === '/healthz') return { status: 200, type: 'text/plain', body: 'ok\n' }
  return {
    status: 404,
    type: 'text/plain',
    body: 'not found: /metrics, /progress and /healthz are here\n',
  }
}

/** Listens and resolves once it does; errors of a single request never end the process. */
export const startServer = async (options: ServerOptions): Promise<Server> => {
  const server = createServer(
    { requestTimeout: 10_000, maxHeaderSize: 8192 },
    (request, response) => {
      const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
      reply(path, options).then(
        ({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body),
        () => response.writeHead(500).end(),
      )
    },
  )
  server.maxConnections = 64
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new Error(`port ${options.port} cannot be opened (${cause.code}); give another --port`, {
          cause,
        }),
      ),
    )
    server.listen(options.port, options.host ?? '0.0.0.0', resolve)
  })
  return server
}
