/** What the operator does for each reason that is no mere progress, and what a person can do; docs/troubleshooting.md is made of it. */
import type { Advice } from './advice/advice.ts'
import { FAILED } from './advice/failed.ts'
import { GOES_ON } from './advice/goes-on.ts'
import { QUEUE } from './advice/queue.ts'
import { WAITS } from './advice/waits.ts'
import type { Reason } from './conditions.ts'

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

/** A reason without advice does not compile. */
export const ADVICE: Readonly<Record<Trouble, Advice>> = {
  ...WAITS,
  ...QUEUE,
  ...GOES_ON,
  ...FAILED,
}
