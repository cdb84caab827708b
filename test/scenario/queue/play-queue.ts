/** Plays Kueue for the queue `tuning`: a quota of devices, shared by several namespaces. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type StageJob, StageJobs } from '../../../operator/src/job/kinds.ts'
import { type Workload, workloadOf, Workloads } from '../../../operator/src/job/queue/workload.ts'
import type { KubeClient } from '../../../operator/src/kube/kube-client.ts'
import { jobHasEnded } from '../../../operator/src/job/pod-state.ts'
import { type Kueue, playKueue } from '../../fixtures/kueue/play-kueue.ts'
import { admission, type Claim } from './admission.ts'

export const DEVICE = 'nvidia.com/gpu'
const QUEUE_LABEL = 'kueue.x-k8s.io/queue-name'
const PRIORITY_LABEL = 'kueue.x-k8s.io/priority-class'
const PRIORITIES: Readonly<Record<string, number>> = { 'tuning-urgent': 1000, 'tuning-batch': 100 }
const PASS_MS = 300

export type Queue = {
  readonly quota: number
  /** Most devices that were given out at one time. */
  readonly mostUsed: () => number
  /** How often the Job was preempted, by `namespace/name`. */
  readonly preemptions: (job: string) => number
  /** What went wrong in the last pass; the next one tries again. */
  readonly problem: () => string | undefined
  stop(): Promise<void>
}

type Managed = { readonly job: StageJob; readonly workload: Workload | undefined }
type Template = {
  readonly spec: {
    readonly containers: readonly {
      readonly resources?: { readonly limits?: Readonly<Record<string, string | number>> }
    }[]
  }
}

const devicesOf = ({ spec }: StageJob): number => {
  const { template } = spec as unknown as { readonly template: Template }
  return template.spec.containers.reduce(
    (all, { resources }) => all + Number(resources?.limits?.[DEVICE] ?? 0),
    0,
  )
}

/** A device is free once the pod has gone. */
const hasPods = ({ status }: StageJob): boolean => {
  const { active = 0, terminating = 0 } = (status ?? {}) as Readonly<Record<string, number>>
  return active + terminating > 0
}

const isTrue = ({ status }: Workload, type: string): boolean =>
  status?.conditions?.some(one => one.type === type && one.status === 'True') === true

const stateOf = (workload: Workload): Claim['state'] => {
  if (!isTrue(workload, 'QuotaReserved')) return 'Waiting'
  return isTrue(workload, 'Evicted') ? 'Leaving' : 'Admitted'
}

const idOf = ({ metadata }: StageJob) => `${metadata.namespace}/${metadata.name}`

const claimOf = (job: StageJob, workload: Workload): Claim => ({
  id: idOf(job),
  priority: PRIORITIES[job.metadata.labels?.[PRIORITY_LABEL] ?? ''] ?? 0,
  devices: devicesOf(job),
  since: Date.parse(workload.metadata.creationTimestamp ?? ''),
  state: stateOf(workload),
})

export const playQueue = (
  client: KubeClient,
  namespaces: readonly string[],
  quota: number,
): Queue => {
  const players = new Map<string, Kueue>(namespaces.map(name => [name, playKueue(client, name)]))
  const stopped = new AbortController()
  const preempted = new Map<string, number>()
  let mostUsed = 0
  let problem: string | undefined

  const managed = async (namespace: string): Promise<readonly Managed[]> => {
    const { items: jobs } = await client.list(StageJobs, { namespace, labelSelector: QUEUE_LABEL })
    const { items: workloads } = await client.list(Workloads, { namespace })
    return jobs
      .filter(job => !jobHasEnded(job) && !job.metadata.deletionTimestamp)
      .map(job => ({ job, workload: workloadOf(workloads, job) }))
  }

  const act = async (id: string, deed: (player: Kueue, name: string) => Promise<void>) => {
    const [namespace = '', name = ''] = id.split('/')
    await deed(players.get(namespace) as Kueue, name)
  }

  const pass = async () => {
    const all = (await Promise.all(namespaces.map(managed))).flat()
    for (const { job, workload } of all) {
      if (!workload && job.spec?.suspend)
        await act(idOf(job), (player, name) => player.queues(name))
      if (workload && stateOf(workload) === 'Leaving' && !hasPods(job))
        await act(idOf(job), (player, name) => player.requeues(name))
    }
    const claims = all.flatMap(({ job, workload }) => (workload ? [claimOf(job, workload)] : []))
    const used = claims.filter(({ state }) => state !== 'Waiting')
    mostUsed = Math.max(
      mostUsed,
      used.reduce((sum, { devices }) => sum + devices, 0),
    )
    const { admit, preempt } = admission(claims, quota)
    for (const id of preempt) {
      preempted.set(id, (preempted.get(id) ?? 0) + 1)
      await act(id, (player, name) => player.preempts(name))
    }
    for (const id of admit) await act(id, (player, name) => player.admits(name))
  }

  const run = async () => {
    while (!stopped.signal.aborted) {
      try {
        await pass()
        problem = undefined
      } catch (error) {
        // a Job may go, or change, between a look and a deed
        problem = error instanceof Error ? error.message : String(error)
      }
      await sleep(PASS_MS, undefined, { signal: stopped.signal }).catch(() => {})
    }
  }
  const running = run()
  return {
    quota,
    mostUsed: () => mostUsed,
    preemptions: job => preempted.get(job) ?? 0,
    problem: () => problem,
    stop: async () => {
      stopped.abort()
      await running
    },
  }
}
