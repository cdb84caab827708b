/** What can be the matter with a dataset, each in one function; the first that applies decides. */
import { CURATE } from '@attune/crds/stage.ts'
import { DATASET_REASONS } from '@attune/crds/dataset-conditions.ts'
import type { StageJob } from '../job/kinds.ts'
import { isStarting, jobKeepsSilent, podObstacle, STARTING_MS } from '../job/obstacle.ts'
import {
  hasEnded,
  jobCondition,
  jobHasEnded,
  newestPod,
  podsOf,
  terminated,
} from '../job/pod-state.ts'
import { wasCutOff } from '../job/queue/cut-off.ts'
import { waitsInQueue } from '../job/queue/waits-in-queue.ts'
import { removal } from '../job/removal.ts'
import { dataSources, sourcesProblem } from '../job/spec-rules.ts'
import { attemptFailure, stageFailure, wasInterrupted } from '../job/stage-failure.ts'
import { readStageResult } from '../job/stage-result.ts'
import { rfc3339Seconds } from '../kube/conditions.ts'
import { ownedBy } from '../kube/predicates.ts'
import { datasetViolations } from '../policy/violations.ts'
import { datasetFileName, preparedUri } from './names.ts'
import { curateJob, datasetClaim, datasetFile } from './objects.ts'
import { ownJob } from './own-job.ts'
import { failed, isDatasetReason, note } from './say.ts'
import { queueOfDataset } from './scheduling.ts'
import type { Note, Situation, Step, StepResult } from './situation.ts'

/** A spec that can never work fails before anything is made. */
export const rejectInvalidSpec: Step = ({ spec }) => {
  const problem = sourcesProblem(dataSources(spec, 'spec'), 'a dataset')
  return problem === undefined ? undefined : failed('InvalidSpec', problem)
}

/** The content of the spec lies on the volume. */
export const stayReady: Step = ({ observed, key }) => {
  const { status } = observed.dataset
  const isThere =
    status?.key === key && status.volume !== undefined && claimUid(observed) === status.volume
  return isThere ? { phase: 'Ready', note: preparedNote(status) } : undefined
}

const claimUid = ({ claim }: Situation['observed']) =>
  claim && !claim.metadata.deletionTimestamp ? claim.metadata.uid : undefined

type Figures = { readonly examples?: number; readonly validationExamples?: number }
const preparedNote = ({ examples = 0, validationExamples = 0 }: Figures): Note =>
  note('Prepared', `${examples} examples to train on, ${validationExamples} held out`)

/** Without its volume the contents are lost, and a Job that wrote them speaks of a volume that is gone. */
export const recoverVolume: Step = ({ observed }) => {
  const { volume } = observed.dataset.status ?? {}
  if (volume === undefined || claimUid(observed) === volume) return undefined
  return {
    phase: 'Preparing',
    note: note('WorkspaceLost'),
    content: {},
    remove: observed.curateJobs.map(job => removal('Job', job)),
    events: [{ type: 'Warning', ...note('WorkspaceLost') }],
  }
}

/** Two pods must never write to one volume: the older would remove what the newer has just made. */
const inTheWay = ({ observed }: Situation, own: StageJob | undefined): string | undefined => {
  const pod = observed.pods.find(
    candidate => !hasEnded(candidate) && !(own && ownedBy(own, candidate)),
  )
  if (pod) return `waiting for pod ${pod.metadata.name} to end`
  const job = observed.curateJobs.find(
    candidate =>
      candidate.metadata.deletionTimestamp || (candidate !== own && !jobHasEnded(candidate)),
  )
  if (job) return `waiting for Job ${job.metadata.name} to go`
  return observed.claim?.metadata.deletionTimestamp
    ? `waiting for the old volume claim ${observed.claim.metadata.name} to go`
    : undefined
}

/** No pod starts that a TuningPolicy does not allow, however the dataset came to be; one that runs is not stopped. */
export const holdForPolicy: Step = situation => {
  const { spec, observed } = situation
  const own = ownJob(situation)
  const queued = own && waitsInQueue(own, observed.pods)
  if (own && !own.metadata.deletionTimestamp && !queued) return undefined
  const asked = { ...spec, queueName: queueOfDataset(observed.dataset) }
  const broken = observed.policies.flatMap(policy => datasetViolations(asked, policy))
  if (broken.length === 0) return undefined
  return {
    ...failed('PolicyViolation', broken.join('; ')),
    // Kueue knows no TuningPolicy and would set the Job going
    ...(queued ? { remove: [removal('Job', own)] } : {}),
  }
}

export const startCurating: Step = situation => {
  const { observed, key, config } = situation
  const { dataset, claim, configMaps } = observed
  const own = ownJob(situation)
  if (own && !own.metadata.deletionTimestamp) return undefined
  const obstacle = inTheWay(situation, own)
  if (obstacle) return { phase: 'Pending', note: note('Waiting', obstacle) }
  const fileName = datasetFileName(dataset.metadata.name, key)
  const hasFile = configMaps.some(({ metadata }) => metadata.name === fileName)
  const before = dataset.status?.key
  const keep = [...new Set([...observed.inUse, ...(before ? [before] : [])])].toSorted()
  return {
    phase: 'Preparing',
    note: note('Preparing'),
    apply: [
      ...(claim
        ? []
        : [{ kind: 'PersistentVolumeClaim' as const, manifest: datasetClaim(dataset) }]),
      ...(hasFile
        ? []
        : [{ kind: 'ConfigMap' as const, manifest: datasetFile({ dataset, key }, keep) }]),
      { kind: 'Job', manifest: curateJob({ dataset, key, config }) },
    ],
    events: [{ type: 'Normal', ...note('Preparing') }],
  }
}

/** What it made lies on the volume, so a repeat is short. */
const repeat = (job: StageJob, why: string): StepResult => ({
  phase: 'Preparing',
  note: note('Retrying', why),
  remove: [removal('Job', job)],
})

const completed = (situation: Situation, job: StageJob): StepResult | undefined => {
  const { observed, key, now } = situation
  const pods = podsOf(observed.pods, job)
  const pod = newestPod(pods.filter(candidate => terminated(candidate)?.exitCode === 0))
  if (!pod)
    return pods.every(hasEnded)
      ? repeat(job, 'the pod was removed before its result was read')
      : undefined
  const result = readStageResult(terminated(pod)?.message, CURATE)
  const volume = claimUid(observed)
  // the cache of claims is behind that of Jobs
  if (volume === undefined) return undefined
  if (result?.outcome !== 'Succeeded' || !result.digest || !result.curated)
    return failed(
      'StageFailed',
      'the pod ended with exit code 0 and left no result that can be read; is the trainer image of another version?',
    )
  const said = preparedNote(result.curated)
  return {
    phase: 'Ready',
    note: said,
    content: {
      key,
      volume,
      contentHash: result.digest,
      preparedUri: preparedUri(observed.dataset.metadata.name, key),
      ...result.curated,
      preparedAt: rfc3339Seconds(now),
    },
    events: [{ type: 'Normal', ...said }],
  }
}

const gaveUp = ({ observed }: Situation, job: StageJob): StepResult => {
  const { phase, conditions } = observed.dataset.status ?? {}
  const pods = podsOf(observed.pods, job)
  const before = conditions?.find(({ type }) => type === 'Ready')
  // its pods may be gone by now, and what they said with them
  if (pods.length === 0 && phase === 'Failed' && before)
    return failed(before.reason, before.message)
  if (wasCutOff(job, newestPod(pods))) return repeat(job, 'its queue took the quota back')
  const { reason, message } = stageFailure(job, CURATE, newestPod(pods))
  return failed(reason, message)
}

export const finishCurating: Step = situation => {
  const job = ownJob(situation)
  if (!job) return undefined
  if (jobCondition(job, 'Complete')) return completed(situation, job)
  return jobCondition(job, 'Failed') ? gaveUp(situation, job) : undefined
}

/** The Job controller tells why it makes no pod, e.g. for a quota, in Events of the Job only. */
const withoutPod = ({ observed, now }: Situation, job: StageJob | undefined): StepResult => {
  if (!job || !jobKeepsSilent(job, now))
    return { phase: 'Preparing', note: note('Preparing'), requeueAfterMs: STARTING_MS }
  const warning = observed.warnings[job.metadata.uid ?? '']
  const why = warning ? `: ${warning.message}` : '; its Events say why'
  return { phase: 'Preparing', note: note('Waiting', `Job ${job.metadata.name} has no pod${why}`) }
}

/** The Job runs: say what its pod waits for, or that it is tried again. */
export const watchCurating: Step = situation => {
  const { observed, now } = situation
  const job = ownJob(situation)
  const pod = newestPod(podsOf(observed.pods, job))
  const said = (reason: string, message: string): StepResult => ({
    phase: 'Preparing',
    note: note(isDatasetReason(reason) ? reason : 'Waiting', message),
    ...(pod && isStarting(pod) ? { requeueAfterMs: STARTING_MS } : {}),
  })
  if (!pod) return withoutPod(situation, job)
  const { name } = pod.metadata
  if (wasInterrupted(pod)) return said('Retrying', `pod ${name} was stopped; its work goes on`)
  const failure = attemptFailure(pod, CURATE)
  if (failure) return said('Retrying', failure.message)
  const obstacle = podObstacle(pod, observed.warnings[pod.metadata.uid ?? ''], now)
  return obstacle
    ? said(obstacle.reason, `pod ${name}: ${obstacle.message}`)
    : said('Preparing', DATASET_REASONS.Preparing)
}
