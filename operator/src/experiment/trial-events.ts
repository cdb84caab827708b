/** The Events an experiment gets: what became of its trials since the last look, and its end. */
import type { TuningExperimentStatus } from '@attune/crds/tuning-experiment-status.ts'
import type { ExperimentEvent } from './situation.ts'

const normal = (reason: ExperimentEvent['reason'], message: string): ExperimentEvent => ({
  type: 'Normal',
  reason,
  message,
})

export const started = (job: string, parameters: object): ExperimentEvent =>
  normal('TrialStarted', `${job} starts with ${JSON.stringify(parameters)}`)
export const promoted = (job: string, rung: number): ExperimentEvent =>
  normal('TrialPromoted', `${job} goes on to rung ${rung + 1}`)

type Row = NonNullable<TuningExperimentStatus['trials']>[number]

const ofTrial = ({ job, phase, score, message }: Row): readonly ExperimentEvent[] => {
  switch (phase) {
    case 'Succeeded':
      return [normal('TrialSucceeded', `${job} ended with ${score ?? 'no score'}`)]
    case 'Failed':
      return [{ type: 'Warning', reason: 'TrialFailed', message: `${job}: ${message ?? 'failed'}` }]
    case 'Stopped':
      return [normal('TrialStopped', `${job} is given up: ${message ?? ''}`)]
    default:
      return []
  }
}

/** A row that was not in the table before may only have come back into it, where some are left out. */
export const trialEvents = (
  before: TuningExperimentStatus | undefined,
  after: TuningExperimentStatus,
): readonly ExperimentEvent[] => {
  const phases = new Map(before?.trials?.map(({ trial, phase }) => [trial, phase]))
  const wasWhole = before?.trialsLeftOut === undefined
  return (after.trials ?? []).flatMap(row => {
    const earlier = phases.get(row.trial)
    const isNews = earlier === undefined ? wasWhole : earlier !== row.phase
    return isNews ? ofTrial(row) : []
  })
}

const TOLD = ['Accepted', 'Publishing', 'Suspended', 'Succeeded', 'Failed']

/** An Event where the reason of Ready changes; that trials run is told by those of the trials. */
export const phaseEvents = (
  before: TuningExperimentStatus | undefined,
  after: TuningExperimentStatus,
): readonly ExperimentEvent[] => {
  const ready = after.conditions?.find(({ type }) => type === 'Ready')
  const earlier = before?.conditions?.find(({ type }) => type === 'Ready')
  if (!ready || earlier?.reason === ready.reason) return []
  const type = after.phase === 'Failed' ? 'Warning' : 'Normal'
  const reason = ready.reason as ExperimentEvent['reason']
  return type === 'Warning' || TOLD.includes(reason)
    ? [{ type, reason, message: ready.message }]
    : []
}
