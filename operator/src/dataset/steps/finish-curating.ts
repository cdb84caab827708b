/** The Job ended: its result is the content, or why there is none. */
import { CURATE } from '@attune/crds/stage.ts'
import type { StageJob } from '../../job/kinds.ts'
import {
  BEHIND_MS,
  hasEnded,
  jobCondition,
  newestPod,
  podsMayFollow,
  podsOf,
  terminated,
} from '../../job/pod-state.ts'
import { wasCutOff } from '../../job/queue/cut-off.ts'
import { removal } from '../../job/removal.ts'
import { isOverdue, stageFailure } from '../../job/stage-failure.ts'
import { readStageResult } from '../../job/stage-result.ts'
import { rfc3339Seconds } from '../../kube/conditions.ts'
import { claimUid, preparedNote } from '../content.ts'
import { preparedUri } from '../names.ts'
import { obstacleBefore } from '../obstacle-before.ts'
import { ownJob } from '../own-job.ts'
import { failed, note } from '../say.ts'
import type { Situation, Step, StepResult } from '../situation.ts'

/** What it made lies on the volume, so a repeat is short. */
const repeat = (job: StageJob, why: string): StepResult => ({
  phase: 'Preparing',
  note: note('Retrying', why),
  remove: [removal('Job', job)],
})

const completed = (situation: Situation, job: StageJob): StepResult | undefined => {
  const { observed, key, now } = situation
  const pods = podsOf(observed.pods, job)
  if (pods.length === 0 && podsMayFollow(job, now))
    return { phase: 'Preparing', note: note('Preparing'), requeueAfterMs: BEHIND_MS }
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

const gaveUp = (situation: Situation, job: StageJob): StepResult | undefined => {
  const { observed } = situation
  const { phase, conditions } = observed.dataset.status ?? {}
  const pods = podsOf(observed.pods, job)
  const before = conditions?.find(({ type }) => type === 'Ready')
  // its pods may be gone by now, and what they said with them
  if (pods.length === 0 && phase === 'Failed' && before)
    return failed(before.reason, before.message)
  const pod = newestPod(pods)
  if (wasCutOff(job, pod)) return repeat(job, 'its queue took the quota back')
  // the cache of pods is behind that of Jobs: without this pod's end no Job gives up before its deadline
  if (pod && !hasEnded(pod) && !isOverdue(job)) return undefined
  const waited = obstacleBefore(situation)?.message
  const { reason, message } = stageFailure(job, CURATE, pod, waited)
  return failed(reason, message)
}

export const finishCurating: Step = situation => {
  const job = ownJob(situation)
  if (!job) return undefined
  if (jobCondition(job, 'Complete')) return completed(situation, job)
  return jobCondition(job, 'Failed') ? gaveUp(situation, job) : undefined
}
