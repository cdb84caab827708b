/** What a decision about an entry of the catalogue starts from, and what it is. */
import type { BaseModelReason } from '@attune/crds/base-model-conditions.ts'
import type { BaseModelSpec } from '@attune/crds/base-model-spec.ts'
import type { BaseModelStatus } from '@attune/crds/base-model-status.ts'
import type { ConditionStatus } from '../kube/conditions.ts'
import type { BaseModel } from './kinds.ts'
import type { Finding } from './read-source.ts'

/** What this operator has seen of one generation of an entry. */
export type Look = {
  readonly generation: number
  /** when the hub was asked last */
  readonly atMs: number
  /** times in a row that it did not answer, up to now */
  readonly failures: number
  /** of the last time */
  readonly finding: Finding
  /** of the last time that it answered */
  readonly answer?: { readonly finding: Finding; readonly atMs: number }
}

export type Observed = {
  readonly model: BaseModel
  /** absent where the hub was not asked since the operator began */
  readonly look?: Look
}

export type Note = { readonly reason: BaseModelReason; readonly message: string }

export type BaseModelEvent = Note & { readonly type: 'Normal' | 'Warning' }

export type Decision = {
  /** absent: status stays as it is */
  readonly status?: BaseModelStatus
  readonly events: readonly BaseModelEvent[]
  readonly requeueAfterMs?: number
}

/** The part of status that speaks of the source. */
export type Facts = Pick<
  BaseModelStatus,
  'revision' | 'architecture' | 'parameters' | 'lastVerificationTime'
>

export type Verdict = Note & {
  readonly verified: ConditionStatus
  /** the hub is asked again in a moment, and nobody need wait for a person */
  readonly isPending?: boolean
  readonly facts?: Facts
}

/** One look at an entry, as the steps see it. */
export type Situation = Observed & { readonly spec: BaseModelSpec }

/** One policy; undefined where it does not apply. */
export type Step = (situation: Situation) => Verdict | undefined
