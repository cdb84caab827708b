/** What the operator does for each reason that is no mere progress, and what a person can do; docs/troubleshooting.md is made of it. */
import type { Advice } from './advice/advice.ts'
import { FAILED } from './advice/failed.ts'
import { GOES_ON } from './advice/goes-on.ts'
import { BASE_MODEL_TROUBLES } from './advice/base-model.ts'
import { EXPERIMENT_TROUBLES } from './advice/experiment.ts'
import { POLICY_TROUBLES } from './advice/tuning-policy.ts'
import { QUEUE } from './advice/queue.ts'
import { STANDS_STILL } from './advice/stands-still.ts'
import { WAITS } from './advice/waits.ts'
import { BASE_MODEL_REASONS } from './base-model-conditions.ts'
import { type Reason, REASONS } from './conditions.ts'
import { EXPERIMENT_REASONS } from './experiment-conditions.ts'
import { POLICY_REASONS } from './tuning-policy-conditions.ts'

/** These say how far a job is; there is nothing to do about them. */
export const PROGRESS = [
  'Accepted',
  'Preparing',
  'Training',
  'Evaluating',
  'Publishing',
  'Succeeded',
  'NotPublished',
  'Suspended',
  'Stopping',
  'Prepared',
  'GatesPassed',
] as const satisfies readonly Reason[]

export type Trouble = Exclude<Reason, (typeof PROGRESS)[number]>

export type Chapter = {
  readonly title: string
  readonly text: string
  readonly reasons: Readonly<Record<string, Advice>>
}

/** Reasons of a kind, by the name that its sections have beside them. */
export type KindTroubles = Chapter & {
  readonly kind: string
  readonly sentences: Readonly<Record<string, string>>
}

export const CHAPTERS: readonly Chapter[] = [
  {
    title: 'The job waits',
    text: 'Nothing has failed. `Reconciling` is True with one of these reasons, and the job goes on by itself once what it waits for is there.',
    reasons: WAITS,
  },
  {
    title: 'The job waits in a queue or for a dataset',
    text: 'Nothing has failed; the job goes on by itself.',
    reasons: QUEUE,
  },
  {
    title: 'The job stands still until somebody changes something',
    text: 'No run has failed. `Stalled` or `Reconciling` is True with one of these reasons; the job goes on once what the message names is mended.',
    reasons: STANDS_STILL,
  },
  {
    title: 'The job goes on by itself',
    text: 'A condition or an Event tells of it; the phase stays what it was.',
    reasons: GOES_ON,
  },
  {
    title: 'The run failed',
    text: 'The phase is `Failed`; `Failed` and `Stalled` are True with one of these reasons.',
    reasons: FAILED,
  },
]

/** An InstructionDataset has reasons of a job only. */
export const OTHER_KINDS: readonly KindTroubles[] = [
  {
    kind: 'TuningExperiment',
    title: 'An experiment',
    text: 'Why single trials failed is in `status.trials[].message`, with the reasons above.',
    reasons: EXPERIMENT_TROUBLES,
    sentences: EXPERIMENT_REASONS,
  },
  {
    kind: 'BaseModel',
    title: 'A model of the catalogue',
    text: 'A condition of the BaseModel has one of these reasons. Where `Verified` is False, no job takes it.',
    reasons: BASE_MODEL_TROUBLES,
    sentences: BASE_MODEL_REASONS,
  },
  {
    kind: 'TuningPolicy',
    title: 'A policy',
    text: 'The condition `Ready` of the TuningPolicy has one of these reasons, and it limits nobody.',
    reasons: POLICY_TROUBLES,
    sentences: POLICY_REASONS,
  },
]

export const SENTENCES: Readonly<Record<string, string>> = REASONS

/** A reason without advice does not compile. */
export const ADVICE: Readonly<Record<Trouble, Advice>> = {
  ...WAITS,
  ...QUEUE,
  ...STANDS_STILL,
  ...GOES_ON,
  ...FAILED,
}
