/** The catalogue as the API server stores it. */

import { GROUP, VERSION } from '@attune/crds/api-group.ts'
import { BASE_MODEL_KIND } from '@attune/crds/base-model.ts'
import type { BaseModelSpec } from '@attune/crds/base-model-spec.ts'
import { defineKind, type KubeObject } from '../kube/kube-object.ts'

export type BaseModel = KubeObject<BaseModelSpec>

export const BaseModels = defineKind<BaseModel>({
  group: GROUP,
  version: VERSION,
  plural: 'basemodels',
  kind: BASE_MODEL_KIND,
  namespaced: false,
})
