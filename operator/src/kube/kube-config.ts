/**
 * A connection from a kubeconfig file or from inside a pod. The only file that imports
 * `@kubernetes/client-node`: the import costs some 130 MB of memory.
 */
import type { RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import type { KubeConnection, KubeCredentials } from './kube-connection.ts'

export type KubeConfigOptions = {
  /** Path of a kubeconfig; by default `$KUBECONFIG`, `~/.kube/config`, then the pod's service account. */
  readonly kubeconfig?: string
  readonly context?: string
  readonly now?: () => number
}

const CREDENTIALS_TTL_MS = 10_000

const readCredentials = async (
  config: KubeConfig,
  behindProxy: boolean,
): Promise<KubeCredentials> => {
  const options: RequestOptions = { headers: {} }
  await config.applyToHTTPSOptions(options)
  const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options
  const headers = { ...(options.headers as Record<string, string>) }
  if (options.auth)
    headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`
  return {
    headers,
    tls: { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized },
    // without a proxy its agent is of no use to us: it never takes up rotated certificates
    ...(behindProxy && typeof options.agent === 'object' ? { proxyAgent: options.agent } : {}),
  }
}

/** Reads files at once, so that a wrong path fails at the start; sends nothing. */
export const loadKubeConnection = ({
  kubeconfig,
  context,
  now = Date.now,
}: KubeConfigOptions = {}): KubeConnection => {
  const config = new KubeConfig()
  if (kubeconfig === undefined) config.loadFromDefault()
  else config.loadFromFile(kubeconfig)
  if (context !== undefined) config.setCurrentContext(context)
  const cluster = config.getCurrentCluster()
  if (!cluster)
    throw new Error(`no cluster in context ${config.getCurrentContext()}: check the kubeconfig`)

  let cached: { readonly until: number; readonly credentials: Promise<KubeCredentials> } | undefined
  return {
    server: new URL(cluster.server),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    credentials: () => {
      if (cached && now() < cached.until) return cached.credentials
      const credentials = readCredentials(config, cluster.proxyUrl !== undefined)
      cached = { until: now() + CREDENTIALS_TTL_MS, credentials }
      credentials.catch(() => {
        cached = undefined
      })
      return credentials
    },
  }
}
