/** The cluster that a command asks: found as kubectl finds it. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { KubeClient } from '@attune/operator/kube/kube-client.ts'
import type { KubeConnection } from '@attune/operator/kube/kube-connection.ts'
import { CliError, causeOf } from './cli-error.ts'

export type ClusterOptions = {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace?: string
  readonly allNamespaces?: boolean
}

export type Cluster = {
  readonly client: KubeClient
  /** its URL, for messages */
  readonly server: string
  /** of the options, else of the kubeconfig */
  readonly namespace: string
}

/** Without any of these the client would try an unencrypted port of this machine. */
const namesCluster = (): boolean =>
  Boolean(process.env['KUBECONFIG'] || process.env['KUBERNETES_SERVICE_HOST']) ||
  existsSync(join(homedir(), '.kube', 'config'))

const connect = async ({ kubeconfig, context }: ClusterOptions): Promise<KubeConnection> => {
  if (!kubeconfig && !namesCluster())
    throw new CliError(
      'no cluster: give --kubeconfig FILE or $KUBECONFIG (there is no ~/.kube/config)',
    )
  // costs a second and 130 MB, and no other command needs it
  const { loadKubeConnection } = await import('@attune/operator/kube/kube-config.ts')
  try {
    return loadKubeConnection({
      ...(kubeconfig ? { kubeconfig } : {}),
      ...(context ? { context } : {}),
    })
  } catch (error) {
    const from = kubeconfig ?? process.env['KUBECONFIG'] ?? 'the kubeconfig'
    throw new CliError(`${from} names no cluster: ${causeOf(error)}`, 1, { cause: error })
  }
}

/** The client is closed when `work` is done, however it ends. */
export const withCluster = async <T>(
  options: ClusterOptions,
  work: (cluster: Cluster) => Promise<T>,
): Promise<T> => {
  const connection = await connect(options)
  const { createKubeClient } = await import('@attune/operator/kube/client.ts')
  const client = createKubeClient(connection, { userAgent: 'attune' })
  const server = connection.server.href.replace(/\/$/, '')
  const namespace = options.namespace ?? connection.namespace
  try {
    return await work({ client, server, namespace })
  } finally {
    client.close()
  }
}
