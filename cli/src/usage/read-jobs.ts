/** Every InstructionTuningJob of a cluster, or of one of its namespaces. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type InstructionTuningJob, InstructionTuningJobs } from '@attune/operator/job/kinds.ts'
import type { KubeConnection } from '@attune/operator/kube/kube-connection.ts'
import { isForbidden, isNotFound } from '@attune/operator/kube/kube-error.ts'
import { CliError, causeOf } from '../cli-error.ts'

export type ClusterOptions = {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace?: string
  readonly allNamespaces?: boolean
}

export type ClusterJobs = {
  readonly server: string
  /** absent: all of them */
  readonly namespace?: string
  readonly jobs: readonly InstructionTuningJob[]
}

/** Without any of these the client would try an unencrypted port of this machine. */
const namesCluster = (): boolean =>
  Boolean(process.env['KUBECONFIG'] || process.env['KUBERNETES_SERVICE_HOST']) ||
  existsSync(join(homedir(), '.kube', 'config'))

export const connect = async ({ kubeconfig, context }: ClusterOptions): Promise<KubeConnection> => {
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

const explain = (error: unknown, server: string, namespace: string | undefined): CliError => {
  const where = namespace === undefined ? 'all namespaces' : `namespace ${namespace}`
  const options = { cause: error }
  if (isForbidden(error))
    return new CliError(
      `you may not list InstructionTuningJobs in ${where} of ${server}; name a namespace with -n, or ask for the role \`view\``,
      1,
      options,
    )
  if (isNotFound(error))
    return new CliError(
      `${server} does not know InstructionTuningJobs: install Attune (docs/cluster.md)`,
      1,
      options,
    )
  return new CliError(`${server}: ${(error as Error).message}`, 1, options)
}

export const readJobs = async (options: ClusterOptions): Promise<ClusterJobs> => {
  const connection = await connect(options)
  const { createKubeClient } = await import('@attune/operator/kube/client.ts')
  const client = createKubeClient(connection, { userAgent: 'attune' })
  const server = connection.server.href.replace(/\/$/, '')
  const namespace = options.allNamespaces ? undefined : (options.namespace ?? connection.namespace)
  const where = namespace === undefined ? {} : { namespace }
  try {
    const { items } = await client.list(InstructionTuningJobs, where)
    return { server, ...where, jobs: items }
  } catch (error) {
    throw explain(error, server, namespace)
  } finally {
    client.close()
  }
}
