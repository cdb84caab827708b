/** Two runs of a job in a cluster: no volume is read, so that failed runs and reused artifacts can be compared, too. */
import { ConfigMaps, InstructionTuningJobs } from '@attune/operator/job/kinds.ts'
import { configMapName } from '@attune/operator/job/names.ts'
import { JOB_FILE } from '@attune/operator/job/objects/config-map.ts'
import type { KubeClient } from '@attune/operator/kube/kube-client.ts'
import { isForbidden } from '@attune/operator/kube/kube-error.ts'
import type { ObjectRef } from '@attune/operator/kube/kube-object.ts'
import { CliError } from '../cli-error.ts'
import { type ClusterOptions, withCluster } from '../cluster.ts'
import type { PublishedRun } from './read-run.ts'
import { filesOf, runOfStatus } from './run-of-status.ts'

export type RunsOfJob = {
  readonly name: string
  readonly before: number
  readonly after: number
}

const readSpec = async (client: KubeClient, ref: ObjectRef): Promise<object | undefined> => {
  const map = await client.find(ConfigMaps, ref)
  const text = (map as { data?: Readonly<Record<string, string>> } | undefined)?.data?.[JOB_FILE]
  if (text === undefined) return undefined
  try {
    return (JSON.parse(text) as { spec?: object }).spec
  } catch (cause) {
    throw new CliError(`ConfigMap ${ref.name}: ${JOB_FILE} is not JSON`, 1, { cause })
  }
}

const readBoth = async (
  client: KubeClient,
  namespace: string,
  { name, before, after }: RunsOfJob,
) => {
  const job = await client.find(InstructionTuningJobs, { name, namespace })
  if (!job)
    throw new CliError(
      `InstructionTuningJob ${name} is not in namespace ${namespace}; name another with -n`,
    )
  const specs = new Map<number, object>()
  for (const number of [...filesOf(job, before), ...filesOf(job, after)]) {
    const spec = await readSpec(client, { name: configMapName(name, number), namespace })
    if (spec) specs.set(number, spec)
  }
  const specOf = (run: number) => specs.get(run)
  return [runOfStatus(job, before, specOf), runOfStatus(job, after, specOf)] as const
}

export const readClusterRuns = (
  runs: RunsOfJob,
  options: ClusterOptions,
): Promise<readonly [PublishedRun, PublishedRun]> =>
  withCluster(options, async ({ client, server, namespace }) => {
    try {
      return await readBoth(client, namespace, runs)
    } catch (error) {
      if (error instanceof CliError) throw error
      const message = isForbidden(error)
        ? `you may not read InstructionTuningJobs and ConfigMaps in namespace ${namespace} of ${server}; ask for the role \`view\``
        : `${server}: ${(error as Error).message}`
      throw new CliError(message, 1, { cause: error })
    }
  })
