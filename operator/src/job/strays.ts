/** What no run of a job needs any more. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { KubeObject } from '../kube/kube-object.ts'
import type { StageJob } from './kinds.ts'
import { RUN_LABEL } from './names.ts'
import { jobHasEnded } from './pod-state.ts'
import { removal } from './removal.ts'
import { isFinished } from './run.ts'
import type { Observed, Removal } from './situation.ts'
import { isPublishRetried } from './steps/retry-publish.ts'

const runOf = ({ metadata }: KubeObject): string => metadata.labels?.[RUN_LABEL] ?? ''

/** One that Kueue gave up would be set going by whoever makes its Workload active again. */
const runThatEnded = ({ job }: Observed): string | undefined => {
  const stored = job.status?.runs?.at(-1)
  if (!stored || !isFinished(stored) || isPublishRetried(job, stored)) return undefined
  return String(stored.number)
}

/** Jobs of a run that is over and still go on, and what belongs to runs that history has dropped. */
export const strays = (observed: Observed, runs: readonly RunStatus[]): readonly Removal[] => {
  const { stageJobs, configMaps } = observed
  const current = String(runs.at(-1)?.number)
  const known = new Set(runs.map(({ number }) => String(number)))
  const over = runThatEnded(observed)
  const isOver = (job: StageJob) => runOf(job) !== current || runOf(job) === over
  const isStray = (job: StageJob) => !known.has(runOf(job)) || (isOver(job) && !jobHasEnded(job))
  return [
    ...stageJobs
      .filter(job => !job.metadata.deletionTimestamp && isStray(job))
      .map(job => removal('Job', job)),
    ...configMaps.filter(map => !known.has(runOf(map))).map(map => removal('ConfigMap', map)),
  ]
}
