/** The catalogue as the API server stores it. */

import { GROUP, VERSION } from '@attune/crds/api-group.ts'
import { BASE_MODEL_KIND } from '@attune/crds/base-model.ts'
import type { BaseModelSpec } from '@attune/crds/base-model-spec.ts'
import type { BaseModelStatus } from '@attune/crds/base-model-status.ts'
import { type Condition, findCondition } from '../kube/conditions.ts'
import { defineKind, type KubeObject } from '../kube/kube-object.ts'

export type BaseModel = KubeObject<BaseModelSpec, BaseModelStatus>

export const BaseModels = defineKind<BaseModel>({
  group: GROUP,
  version: VERSION,
  plural: 'basemodels',
  kind: BASE_MODEL_KIND,
  namespaced: false,
})

/** What status says of the spec as it is now. */
export const verifiedNow = ({ metadata, status }: BaseModel): Condition | undefined =>
  status?.observedGeneration === metadata.generation
    ? findCondition(status?.conditions, 'Verified')
    : undefined

/** That its source named when the hub was last asked. Of one that has to be mended there, the next may be the sound one. */
export const knownCommit = (model: BaseModel): string | undefined => {
  const verified = verifiedNow(model)
  return verified && verified.status !== 'False' ? model.status?.revision : undefined
}

/** Why it cannot be used. An entry that nobody has verified can. */
export const knownProblem = (model: BaseModel): string | undefined => {
  const verified = verifiedNow(model)
  return verified?.status === 'False' ? verified.message : undefined
}
