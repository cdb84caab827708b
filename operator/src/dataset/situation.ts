/** What a decision about a dataset starts from, and what it is. */
import type { DatasetPhase, DatasetReason } from '@attune/crds/dataset-conditions.ts'
import type { InstructionDatasetStatus } from '@attune/crds/instruction-dataset-status.ts'
import type { ResolvedInstructionDatasetSpec } from '@attune/crds/resolved-spec.ts'
import type { JobConfig } from '../job/job-config.ts'
import type { Claim, ConfigMap, NetworkPolicy, Pod, StageJob } from '../job/kinds.ts'
import type { Warning } from '../job/obstacle.ts'
import type { Workload } from '../job/queue/workload.ts'
import type { Child, Removal } from '../job/situation.ts'
import type { TuningPolicy } from '../policy/kinds.ts'
import type { InstructionDataset } from './kinds.ts'

/** What the caches hold of one dataset; children of an earlier one of the same name are not in it. */
export type Observed = {
  readonly dataset: InstructionDataset
  readonly claim?: Claim
  readonly configMaps: readonly ConfigMap[]
  readonly networkPolicies: readonly NetworkPolicy[]
  readonly curateJobs: readonly StageJob[]
  /** Kueue's, of the Jobs above */
  readonly workloads: readonly Workload[]
  readonly pods: readonly Pod[]
  /** of a pod or a Job that does not start, by its uid */
  readonly warnings: Readonly<Record<string, Warning>>
  /** that select the namespace */
  readonly policies: readonly TuningPolicy[]
  /** keys of the contents that unfinished runs started with */
  readonly inUse: readonly string[]
}

export type DatasetEvent = {
  readonly type: 'Normal' | 'Warning'
  readonly reason: DatasetReason
  readonly message: string
}

export type Decision = {
  readonly apply: readonly Child[]
  readonly remove: readonly Removal[]
  /** absent: status stays as it is */
  readonly status?: InstructionDatasetStatus
  readonly events: readonly DatasetEvent[]
  readonly requeueAfterMs?: number
}

/** One look at a dataset, as the steps see it. */
export type Situation = {
  readonly observed: Observed
  readonly spec: ResolvedInstructionDatasetSpec
  /** content address of what the spec asks for */
  readonly key: string
  readonly now: number
  readonly config: JobConfig
}

export type Note = { readonly reason: DatasetReason; readonly message: string }

/** The part of status that speaks of a content. */
export type Content = Pick<
  InstructionDatasetStatus,
  | 'key'
  | 'volume'
  | 'contentHash'
  | 'preparedUri'
  | 'examples'
  | 'validationExamples'
  | 'report'
  | 'preparedAt'
>

export type StepResult = {
  readonly phase: DatasetPhase
  readonly note: Note
  /** absent: as it was */
  readonly content?: Content
  readonly apply?: readonly Child[]
  readonly remove?: readonly Removal[]
  readonly events?: readonly DatasetEvent[]
  readonly requeueAfterMs?: number
}

/** One policy; undefined where it does not apply. */
export type Step = (situation: Situation) => StepResult | undefined
