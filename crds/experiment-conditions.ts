/** The words of a `TuningExperiment`'s status, each with one sentence. */

export const EXPERIMENT_PHASES = [
  'Pending',
  'Running',
  'Publishing',
  'Suspended',
  'Succeeded',
  'Failed',
] as const
export type ExperimentPhase = (typeof EXPERIMENT_PHASES)[number]

/** `Paused`: waits for the others of its rung. `Stopped`: given up early, by its rung or by its validation loss. */
export const TRIAL_PHASES = [
  'Pending',
  'Running',
  'Paused',
  'Suspended',
  'Stopped',
  'Succeeded',
  'Failed',
] as const
export type TrialPhase = (typeof TRIAL_PHASES)[number]

export const EXPERIMENT_CONDITIONS = {
  Ready: 'True once every trial has ended, a best one is known, and what is to be published is.',
  Reconciling: 'Present while the operator works towards Ready (kstatus).',
  Stalled: 'Present when only a change by a person can help (kstatus).',
  Suspended: 'spec.suspend is true and no pod of a trial runs.',
  Complete: 'The experiment ended in success.',
  Failed: 'The experiment ended in failure.',
  Finished: 'The experiment ended, in success or failure.',
} as const
export type ExperimentConditionType = keyof typeof EXPERIMENT_CONDITIONS

export const EXPERIMENT_REASONS = {
  Accepted: 'The experiment is accepted and its first trials are about to start.',
  Running: 'Trials run.',
  Publishing: 'All trials have ended; the best one is being published.',
  Succeeded: 'All trials have ended and the best one is known.',
  Suspended: 'The experiment is suspended; its trials go on from their checkpoints.',
  Stopping: 'Trials save their checkpoints and end.',
  Waiting: 'Something outside the experiment keeps it from going on; the message says what.',
  InvalidSpec: 'The spec passed the schema and still cannot work; the message names the field.',
  NoTrialSucceeded: 'All trials have ended and none of them has a score.',
  PublishFailed: 'The best trial could not be published; the message says why.',
} as const
export type ExperimentReason = keyof typeof EXPERIMENT_REASONS
