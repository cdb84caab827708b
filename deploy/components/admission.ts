/** What makes the API server refuse jobs that a TuningPolicy does not allow. */
import { admissionBindingSpec, admissionPolicySpec } from '@attune/crds/tuning-policy-admission.ts'
import { labels } from './operator-metadata.ts'
import type { OperatorSettings } from './operator-settings.ts'

const metadata = (settings: OperatorSettings) => ({
  name: `${settings.namespace}-attune-tuning-policies`,
  labels: labels(settings),
})

export const admissionPolicy = (settings: OperatorSettings) => ({
  metadata: metadata(settings),
  spec: admissionPolicySpec(),
})

export const admissionBinding = (settings: OperatorSettings) => ({
  metadata: metadata(settings),
  spec: admissionBindingSpec(metadata(settings).name),
})
