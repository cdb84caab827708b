/** The Jobs of a queue, as Kueue sees them: what they ask for, and how far their Workloads are. */
import { type StageJob, StageJobs } from '../../../operator/src/job/kinds.ts'
import { jobHasEnded } from '../../../operator/src/job/pod-state.ts'
import { type Workload, workloadOf, Workloads } from '../../../operator/src/job/queue/workload.ts'
import type { KubeClient } from '../../../operator/src/kube/kube-client.ts'
import type { Claim } from './admission.ts'

export type QueuedJob = {
  readonly job: StageJob
  /** absent: Kueue has not seen it yet */
  readonly workload: Workload | undefined
}
type Template = {
  readonly spec: {
    readonly containers: readonly {
      readonly resources?: { readonly limits?: Readonly<Record<string, string | number>> }
    }[]
  }
}

const DEVICE = 'nvidia.com/gpu'
const QUEUE_LABEL = 'kueue.x-k8s.io/queue-name'
const PRIORITY_LABEL = 'kueue.x-k8s.io/priority-class'
const PRIORITIES: Readonly<Record<string, number>> = { 'tuning-urgent': 1000, 'tuning-batch': 100 }

export const idOf = ({ job: { metadata } }: Pick<QueuedJob, 'job'>): string =>
  `${metadata.namespace}/${metadata.name}`

const devicesOf = ({ spec }: StageJob): number => {
  const { template } = spec as unknown as { readonly template: Template }
  return template.spec.containers.reduce(
    (all, { resources }) => all + Number(resources?.limits?.[DEVICE] ?? 0),
    0,
  )
}

const isTrue = ({ status }: Workload, type: string): boolean =>
  status?.conditions?.some(one => one.type === type && one.status === 'True') === true

const stateOf = (workload: Workload): Claim['state'] => {
  if (!isTrue(workload, 'QuotaReserved')) return 'Waiting'
  return isTrue(workload, 'Evicted') ? 'Leaving' : 'Admitted'
}

const hasPods = ({ status }: StageJob): boolean => {
  const { active = 0, terminating = 0 } = (status ?? {}) as Readonly<Record<string, number>>
  return active + terminating > 0
}

/** Preempted, and its devices are free now. */
export const hasLeft = ({ job, workload }: QueuedJob): boolean =>
  workload !== undefined && stateOf(workload) === 'Leaving' && !hasPods(job)

/** What is said of it and what is done to it differ where a pass ended halfway. */
export const isHalf = (
  { job, workload }: QueuedJob,
  state: Exclude<Claim['state'], 'Waiting'>,
): boolean =>
  workload !== undefined &&
  stateOf(workload) === state &&
  (job.spec?.suspend === true) === (state === 'Admitted')

export const isNew = ({ job, workload }: QueuedJob): boolean =>
  workload === undefined && job.spec?.suspend === true

/** Of those that have a Workload. */
export const claimsOf = (jobs: readonly QueuedJob[]): readonly Claim[] =>
  jobs.flatMap(({ job, workload }) =>
    workload
      ? {
          id: idOf({ job }),
          priority: PRIORITIES[job.metadata.labels?.[PRIORITY_LABEL] ?? ''] ?? 0,
          devices: devicesOf(job),
          since: Date.parse(workload.metadata.creationTimestamp ?? ''),
          state: stateOf(workload),
        }
      : [],
  )

/** Those that have not ended. */
export const queuedJobs = async (
  client: KubeClient,
  namespace: string,
): Promise<readonly QueuedJob[]> => {
  const { items: jobs } = await client.list(StageJobs, { namespace, labelSelector: QUEUE_LABEL })
  const { items: workloads } = await client.list(Workloads, { namespace })
  return jobs
    .filter(job => !jobHasEnded(job) && !job.metadata.deletionTimestamp)
    .map(job => ({ job, workload: workloadOf(workloads, job) }))
}
