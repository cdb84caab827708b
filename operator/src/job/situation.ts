/** What a decision starts from, and what it is. */
import type { Reason } from '@attune/crds/conditions.ts'
import type {
  InstructionTuningJobStatus,
  RunStatus,
} from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import type { Selection } from '@attune/crds/selection/resolve-model.ts'
import type { EvaluationSummary } from '@attune/crds/stage.ts'
import type { Manifest } from '../kube/kube-client.ts'
import type { ObjectRef } from '../kube/kube-object.ts'
import type { InstructionDataset } from '../dataset/kinds.ts'
import type { BaseModel } from '../base-model/kinds.ts'
import type { JobConfig } from './job-config.ts'
import type { TuningPolicy } from '../policy/kinds.ts'
import type {
  Claim,
  ConfigMap,
  InstructionTuningJob,
  NetworkPolicy,
  Pod,
  StageJob,
} from './kinds.ts'
import type { Warning } from './obstacle.ts'
import type { Pins } from './pins.ts'
import type { ProgressReport } from './progress.ts'
import type { Workload } from './queue/workload.ts'

/** What the caches hold of one job; children and pods of an earlier job of the same name are not in it. */
export type Observed = {
  readonly job: InstructionTuningJob
  /** how much longer a write of details alone is held back */
  readonly holdMs: number
  /** the catalogue while the run has yet to take its model from it, where the operator reads it */
  readonly baseModels?: readonly BaseModel[]
  /** the one that the spec names */
  readonly dataset?: InstructionDataset
  /** of a trial: what the runs of its experiment started from */
  readonly pins?: Pins
  readonly claim?: Claim
  /** of the output, whoever made it */
  readonly outputClaim?: Claim
  readonly configMaps: readonly ConfigMap[]
  readonly stageJobs: readonly StageJob[]
  /** Kueue's, of the Jobs above */
  readonly workloads: readonly Workload[]
  readonly pods: readonly Pod[]
  /** of a running pod, by its name */
  readonly progress: Readonly<Record<string, ProgressReport>>
  /** of a pod or a Job that does not start, by its uid */
  readonly warnings: Readonly<Record<string, Warning>>
  readonly networkPolicies: readonly NetworkPolicy[]
  /** TuningPolicies that are for the job's namespace */
  readonly policies: readonly TuningPolicy[]
}

export type ChildKind = 'Job' | 'ConfigMap' | 'PersistentVolumeClaim' | 'NetworkPolicy'
export type Child = {
  readonly kind: ChildKind
  readonly manifest: Manifest
  /** resourceVersion of the one whose spec gives way to this one's; absent: there is none yet */
  readonly replaces?: string
}
export type Removal = { readonly kind: ChildKind; readonly ref: ObjectRef; readonly uid: string }

export type JobEvent = {
  readonly type: 'Normal' | 'Warning'
  readonly reason: EventReason
  readonly message: string
}
export type EventReason =
  | Reason
  | 'RunStarted'
  | 'ArtifactsReused'
  | 'ArtifactsLost'
  | 'ModelChosen'
  | 'Superseded'
  | 'StageStarted'
  | 'StageFinished'
  | 'StageSkipped'
  | 'Resumed'
  | 'PublishRetried'
  | 'PublishNotRetried'
  | 'Expired'

export type Decision = {
  /** made where they are not there, or put right */
  readonly apply: readonly Child[]
  readonly remove: readonly Removal[]
  /** absent: status stays as it is */
  readonly status?: InstructionTuningJobStatus
  readonly events: readonly JobEvent[]
  /** what stands although the API server refuses the children */
  readonly unmade?: {
    readonly status: InstructionTuningJobStatus
    readonly events: readonly JobEvent[]
  }
  readonly requeueAfterMs?: number
}

/** One look at a job, as the steps see it. */
export type Situation = {
  readonly observed: Observed
  readonly spec: ResolvedSpec
  readonly specHash: string
  /** the oldest first; the last one is the current */
  readonly runs: readonly RunStatus[]
  readonly run: RunStatus | undefined
  readonly now: number
  readonly config: JobConfig
}

export type Slices = NonNullable<EvaluationSummary['slices']>

export type StepResult = {
  readonly runs: readonly RunStatus[]
  readonly apply?: readonly Child[]
  readonly remove?: readonly Removal[]
  readonly events?: readonly JobEvent[]
  /** says more about an unfinished run than its phase does */
  readonly note?: {
    readonly reason: Reason
    readonly message: string
    /** only a change by a person helps */
    readonly stalled?: boolean
  }
  /** of an evaluation that ended just now */
  readonly slices?: Slices
  /** of the run's model, where it was made just now */
  readonly selection?: Selection
  /** whether the next step follows at once: its status is written together with this one's */
  readonly goesOn?: true
  readonly requeueAfterMs?: number
}

/** One policy; undefined where it does not apply. */
export type Step = (situation: Situation) => StepResult | undefined
/** A step that applies only while a run is there. */
export type RunStep = (situation: Situation & { readonly run: RunStatus }) => StepResult | undefined
