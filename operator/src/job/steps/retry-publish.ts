/** The annotation `attune.dev/retry-publish` starts a Publish that failed again, once for each of its values. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { publishNotRetried, publishRetried } from '../events.ts'
import type { InstructionTuningJob } from '../kinds.ts'
import { RETRY_PUBLISH_ANNOTATION } from '../names.ts'
import { jobHasEnded } from '../pod-state.ts'
import { removal } from '../removal.ts'
import { isFinished, stageOf, withRun } from '../run.ts'
import type { Observed, RunStep } from '../situation.ts'
import { stageJobOf } from '../track.ts'

/** What status keeps of a value; the rest of a longer one does not count. */
const VALUE_MAX = 256

export const publishRetryAsked = ({ metadata }: InstructionTuningJob): string | undefined =>
  metadata.annotations?.[RETRY_PUBLISH_ANNOTATION]?.slice(0, VALUE_MAX)

/** Status may not say so yet although its Job is there: the cache of Jobs can be ahead. */
export const isPublishRetried = (
  job: InstructionTuningJob,
  { publishRetry }: RunStatus,
): boolean => {
  const asked = publishRetryAsked(job)
  return asked !== undefined && asked !== publishRetry
}

const whyNot = (run: RunStatus, claim: Observed['claim']): string | undefined => {
  if (run.phase !== 'Failed' || stageOf(run, 'publish').state !== 'Failed')
    return `the run ended as ${run.reason ?? run.phase}, not because of its output`
  return claim?.metadata.uid === run.workspace && !claim?.metadata.deletionTimestamp
    ? undefined
    : 'the workspace with its results is gone'
}

const publishing = (run: RunStatus, publishRetry: string): RunStatus => {
  const { reason: _reason, message: _message, finishedAt: _finishedAt, ...rest } = run
  const stages = run.stages.map(stage =>
    stage.name === 'publish' ? { name: stage.name, state: 'Pending' as const } : stage,
  )
  return { ...rest, phase: 'Publishing', publishRetry, stages }
}

export const retryPublish: RunStep = ({ run, runs, observed }) => {
  const asked = publishRetryAsked(observed.job)
  if (!isFinished(run) || asked === undefined || asked === run.publishRetry) return undefined
  const because = whyNot(run, observed.claim)
  if (because)
    return {
      runs: withRun(runs, { ...run, publishRetry: asked }),
      events: [publishNotRetried(run.number, because)],
    }
  // a Job that ended would be taken for the one of the next attempt, which has its name
  const job = stageJobOf(observed, run, stageOf(run, 'publish'))
  if (job?.metadata.deletionTimestamp) return { runs }
  if (job && jobHasEnded(job)) return { runs, remove: [removal('Job', job)] }
  return {
    runs: withRun(runs, publishing(run, asked)),
    events: [publishRetried(run.number)],
    goesOn: true,
  }
}
