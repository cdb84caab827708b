/** What a decision about an experiment starts from, and what it is. */
import type { ExperimentReason } from '@attune/crds/experiment-conditions.ts'
import type { TuningExperimentStatus } from '@attune/crds/tuning-experiment-status.ts'
import type { InstructionTuningJob } from '../job/kinds.ts'
import type { Manifest } from '../kube/kube-client.ts'
import type { ObjectRef } from '../kube/kube-object.ts'
import type { TuningExperiment } from './kinds.ts'
import type { Search } from './search.ts'

/** Jobs of an earlier experiment of the same name are not in it. */
export type Observed = {
  readonly experiment: TuningExperiment
  /** of the experiment's spec */
  readonly search: Search
  readonly jobs: readonly InstructionTuningJob[]
  /** how much longer a status that tells of progress alone is not written */
  readonly holdMs: number
}

/** A JSON merge patch of a trial's job. */
export type Patch = {
  readonly ref: ObjectRef
  readonly uid: string
  readonly body: Readonly<Record<string, unknown>>
}

export type ExperimentEvent = {
  readonly type: 'Normal' | 'Warning'
  readonly reason:
    | ExperimentReason
    | 'TrialStarted'
    | 'TrialPromoted'
    | 'TrialSucceeded'
    | 'TrialFailed'
    | 'TrialStopped'
  readonly message: string
}

export type NewTrial = {
  readonly trial: number
  readonly manifest: Manifest
  /** told where it is made */
  readonly started: ExperimentEvent
}

export type Decision = {
  readonly create: readonly NewTrial[]
  readonly patch: readonly Patch[]
  /** absent: status stays as it is */
  readonly status?: TuningExperimentStatus
  readonly events: readonly ExperimentEvent[]
  readonly requeueAfterMs?: number
}

export type Note = {
  readonly reason: ExperimentReason
  readonly message: string
  /** only a change by a person helps */
  readonly stalled?: boolean
}
