/** What a trial's job says of it. */
import type { TrialPhase } from '@attune/crds/experiment-conditions.ts'
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { InstructionTuningJob } from '../job/kinds.ts'
import { isDone, stageOf } from '../job/run.ts'
import type { ExperimentSpec } from './kinds.ts'
import { STOPPED_ANNOTATION } from './names.ts'
import { rungsOf } from '@attune/crds/experiment/rungs.ts'
import type { Assignment } from '@attune/crds/experiment/search-space.ts'

export type Trial = {
  /** from 1 */
  readonly number: number
  readonly name: string
  readonly assignment: Assignment
  /** absent: not made yet */
  readonly job?: InstructionTuningJob
  readonly phase: TrialPhase
  /** from 0 */
  readonly rung: number
  /** a pod of it may run */
  readonly isActive: boolean
  readonly score?: number
  /** rung at whose end the score was measured */
  readonly scoredRung: number
  readonly message?: string
  /** why only a change by a person sets its job going */
  readonly stalled?: string
}
export type MadeTrial = Trial & { readonly job: InstructionTuningJob }
export const isMade = (trial: Trial): trial is MadeTrial => trial.job !== undefined
/** Its job is still to be made; of one whose job the API server refuses there is none to wait for. */
export const isWaiting = ({ job, phase }: Trial): boolean =>
  job === undefined && phase === 'Pending'

const objectiveOf = (run: RunStatus, metric: string): number | undefined => {
  if (metric === 'score') return run.score
  // while it trains the loss is not the one that the trials are compared on
  if (metric === 'validationLoss')
    return isDone(stageOf(run, 'train')) ? run.training?.validationLoss : undefined
  const [suite = '', name = ''] = metric.split('/')
  return run.evaluation?.suites[suite]?.[name]?.tuned
}

/** Its last patch is not seen yet: what status says is of the spec before. */
const isBehind = ({ metadata, status }: InstructionTuningJob) =>
  status?.observedGeneration !== metadata.generation

export const stoppedBecause = ({ metadata }: InstructionTuningJob): string | undefined =>
  metadata.annotations?.[STOPPED_ANNOTATION]

const rungOf = (job: InstructionTuningJob, spec: ExperimentSpec): number => {
  const rungs = rungsOf(spec)
  const rung = rungs.indexOf(job.spec?.training.stopAfterSteps)
  return rung < 0 ? rungs.length - 1 : rung
}

const ENDED = ['Succeeded', 'Failed']
export const hasEnded = ({ status }: InstructionTuningJob): boolean =>
  ENDED.includes(status?.phase ?? '')

/** A person may help it some time; the other trials do not wait for that. */
const stalledBecause = (job: InstructionTuningJob): string | undefined => {
  if (isBehind(job) || hasEnded(job)) return undefined
  const said = job.status?.conditions?.find(
    ({ type, status }) => type === 'Stalled' && status === 'True',
  )
  return said && `${said.reason}: ${said.message}`
}

const WAITING = ['Pending', 'Queued']

/** The best one publishes in a run of its own, once all trials have ended. */
export const isWinner = (
  job: InstructionTuningJob,
  { publish }: Pick<ExperimentSpec, 'publish'>,
): boolean => publish === 'Best' && job.spec?.output.publish !== false

const phaseOf = (job: InstructionTuningJob, spec: ExperimentSpec, rung: number): TrialPhase => {
  const phase = job.status?.phase ?? 'Pending'
  if (stoppedBecause(job) !== undefined) return 'Stopped'
  if (isWinner(job, spec)) return 'Succeeded'
  if (isBehind(job)) return WAITING.includes(phase) ? 'Pending' : 'Running'
  if (stalledBecause(job) !== undefined) return 'Failed'
  if (phase === 'Succeeded') return rung < rungsOf(spec).length - 1 ? 'Paused' : 'Succeeded'
  if (phase === 'Failed' || phase === 'Suspended') return phase
  return WAITING.includes(phase) ? 'Pending' : 'Running'
}

const holdsPod = (job: InstructionTuningJob): boolean => {
  const phase = job.status?.phase ?? 'Pending'
  if (isBehind(job)) return true
  if (stalledBecause(job) !== undefined) return false
  return !ENDED.includes(phase) && !(stoppedBecause(job) !== undefined && phase === 'Suspended')
}

const failure = ({ status }: InstructionTuningJob): string | undefined => {
  const run = status?.runs?.at(-1)
  return run?.message === undefined ? undefined : `${run.reason ?? 'Failed'}: ${run.message}`
}

export const readTrial = (
  planned: Pick<Trial, 'number' | 'name' | 'assignment'>,
  job: InstructionTuningJob | undefined,
  spec: ExperimentSpec,
  refused?: string,
): Trial => {
  if (!job) {
    const none = { ...planned, rung: 0, isActive: false, scoredRung: 0 }
    return refused === undefined
      ? { ...none, phase: 'Pending' }
      : { ...none, phase: 'Failed', message: refused }
  }
  const rung = rungOf(job, spec)
  const phase = phaseOf(job, spec, rung)
  const scores = (job.status?.runs ?? []).flatMap(
    run => objectiveOf(run, spec.objective.metric) ?? [],
  )
  const score = scores.at(-1)
  const stalled = stalledBecause(job)
  const message = phase === 'Failed' ? (stalled ?? failure(job)) : stoppedBecause(job)
  const isMeasured = phase === 'Paused' || phase === 'Succeeded'
  return {
    ...planned,
    job,
    phase,
    rung,
    isActive: holdsPod(job),
    scoredRung: isMeasured ? rung : Math.max(0, rung - 1),
    ...(score === undefined ? {} : { score }),
    ...(message === undefined ? {} : { message }),
    ...(stalled === undefined ? {} : { stalled }),
  }
}
