/** What limits the jobs of a namespace, as the API server stores it. */
import { API_VERSION } from '@attune/crds/api-group.ts'
import { POLICY_KIND } from '@attune/crds/tuning-policy.ts'
import type { TuningPolicySpec } from '@attune/crds/tuning-policy-spec.ts'
import { defineKind, type KubeObject } from '../kube/kube-object.ts'

export type TuningPolicy = KubeObject<TuningPolicySpec>
export type Namespace = KubeObject

const [group = '', version = ''] = API_VERSION.split('/')

export const TuningPolicies = defineKind<TuningPolicy>({
  group,
  version,
  plural: 'tuningpolicies',
  kind: POLICY_KIND,
  namespaced: false,
})
export const Namespaces = defineKind<Namespace>({
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
})
