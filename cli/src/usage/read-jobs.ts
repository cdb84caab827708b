/** Every InstructionTuningJob of a cluster, or of one of its namespaces. */
import { type InstructionTuningJob, InstructionTuningJobs } from '@attune/operator/job/kinds.ts'
import { isForbidden, isNotFound } from '@attune/operator/kube/kube-error.ts'
import { CliError } from '../cli-error.ts'
import { type ClusterOptions, withCluster } from '../cluster.ts'

export type ClusterJobs = {
  readonly server: string
  /** absent: all of them */
  readonly namespace?: string
  readonly jobs: readonly InstructionTuningJob[]
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

export const readJobs = (options: ClusterOptions): Promise<ClusterJobs> =>
  withCluster(options, async ({ client, server, namespace: found }) => {
    const namespace = options.allNamespaces ? undefined : found
    const where = namespace === undefined ? {} : { namespace }
    try {
      const { items } = await client.list(InstructionTuningJobs, where)
      return { server, ...where, jobs: items }
    } catch (error) {
      throw explain(error, server, namespace)
    }
  })
