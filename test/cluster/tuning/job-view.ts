/** Reads an InstructionTuningJob of the cluster and waits for what a test expects of it. */
import type { StageResult } from '../../../crds/stage.ts'
import { eventually } from '../../fixtures/cluster/eventually.ts'
import type { Cluster } from '../node.ts'

export type JobStatus = {
  readonly phase?: string
  readonly run?: number
  readonly message?: string
  readonly conditions?: readonly {
    readonly type: string
    readonly status: string
    readonly reason: string
    readonly message: string
  }[]
  readonly training?: {
    readonly step?: number
    readonly totalSteps?: number
    readonly loss?: number
  }
  readonly runs?: readonly {
    readonly number: number
    readonly stages?: readonly {
      readonly name: string
      readonly state: string
      readonly key?: string
      readonly seconds?: number
    }[]
  }[]
  readonly evaluation?: StageResult['evaluation']
  readonly artifacts?: readonly { readonly uri: string; readonly digest: string }[]
}

export const jobView = (cluster: Cluster, namespace: string, name: string) => {
  const kubectl = (args: readonly string[], stdin?: string) =>
    cluster.kubectl([...args, '-n', namespace], stdin)
  const status = async (): Promise<JobStatus> => {
    const { status = {} } = JSON.parse(await kubectl(['get', 'itj', name, '-o', 'json'])) as {
      status?: JobStatus
    }
    return status
  }
  return {
    status,
    pods: async (stage: string): Promise<readonly string[]> => {
      const names = await kubectl([
        'get',
        'pods',
        '-l',
        `attune.dev/job=${name},attune.dev/stage=${stage}`,
        '-o',
        'jsonpath={.items[*].metadata.name}',
      ])
      return names.split(' ').filter(Boolean)
    },
    until: (
      what: string,
      holds: (now: JobStatus) => boolean,
      // Evaluate generates for minutes where other work shares the cores
      timeoutMs = 600_000,
    ): Promise<JobStatus> =>
      eventually(
        async () => {
          const now = await status()
          if (!holds(now))
            throw new Error(`${what}: the job is at ${JSON.stringify(now).slice(0, 2000)}`)
          return now
        },
        { timeoutMs, everyMs: 500 },
      ),
    patch: (spec: object) =>
      kubectl(['patch', 'itj', name, '--type=merge', '--patch', JSON.stringify({ spec })]),
  }
}
