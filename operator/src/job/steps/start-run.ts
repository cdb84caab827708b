/** A new spec, or a new value of `attune.dev/rerun`, is a new run; one that is going on is stopped, its checkpoint stays. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { accepted, rerunStarted, runStarted, superseded } from '../events.ts'
import type { InstructionTuningJob } from '../kinds.ts'
import { RERUN_ANNOTATION } from '../names.ts'
import { currentStage, isFinished, newRun, withStage } from '../run.ts'
import type { Step } from '../situation.ts'
import { rfc3339Seconds } from '../../kube/conditions.ts'
import { publishRetryAsked } from './retry-publish.ts'
import { type Published, publishedBefore, reuseEvent, reuseRun } from './reuse-run.ts'

/** What status keeps of a value; the rest of a longer one does not count. */
const VALUE_MAX = 256

const rerunAsked = ({ metadata }: InstructionTuningJob): string | undefined =>
  metadata.annotations?.[RERUN_ANNOTATION]?.slice(0, VALUE_MAX)

const supersede = (run: RunStatus, now: number): RunStatus => {
  const stage = currentStage(run)
  const stopped =
    stage?.state === 'Running' ? withStage(run, stage.name, { state: 'Stopped' }) : run
  return { ...stopped, phase: 'Superseded', finishedAt: rfc3339Seconds(now) }
}

const startEvents = (number: number, again: boolean, before: Published | undefined) => [
  number === 1 ? accepted() : again ? rerunStarted(number) : runStarted(number),
  ...(before ? [reuseEvent(number, before)] : []),
]

export const startRun: Step = situation => {
  const { observed, run, runs, specHash, now } = situation
  const { metadata, status } = observed.job
  const rerun = rerunAsked(observed.job)
  const again = run !== undefined && rerun !== undefined && rerun !== run.rerun
  if (run?.specHash === specHash && !again) return undefined
  // a default added to the schema changes the hash of a spec that nobody edited
  if (run && !again && metadata.generation === status?.observedGeneration) return undefined
  const number = Math.max(run?.number ?? 0, status?.run ?? 0) + 1
  const unfinished = run !== undefined && !isFinished(run)
  // values that were there before the run were not meant for it
  const publishRetry = publishRetryAsked(observed.job)
  const startedAt = rfc3339Seconds(now)
  const next: RunStatus = {
    ...newRun(number, specHash, startedAt),
    ...(publishRetry === undefined ? {} : { publishRetry }),
    ...(rerun === undefined ? {} : { rerun }),
  }
  const before = again ? undefined : publishedBefore(situation, next)
  const donor = before && before.problem === undefined ? before.run : undefined
  const earlier = unfinished ? [...runs.slice(0, -1), supersede(run, now)] : runs
  return {
    runs: [...earlier, donor ? reuseRun(donor, next, startedAt) : next],
    events: [
      ...(unfinished ? [superseded(run.number)] : []),
      ...startEvents(number, again, before),
    ],
  }
}
