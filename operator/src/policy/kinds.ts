/** What limits the jobs of a namespace, as the API server stores it. */
import { GROUP, VERSION } from '@attune/crds/api-group.ts'
import { POLICY_KIND } from '@attune/crds/tuning-policy.ts'
import type { TuningPolicySpec } from '@attune/crds/tuning-policy-spec.ts'
import type { TuningPolicyStatus } from '@attune/crds/tuning-policy-status.ts'
import { defineKind, type KubeObject } from '../kube/kube-object.ts'

export type TuningPolicy = KubeObject<TuningPolicySpec, TuningPolicyStatus>
export type Namespace = KubeObject

export const TuningPolicies = defineKind<TuningPolicy>({
  group: GROUP,
  version: VERSION,
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
