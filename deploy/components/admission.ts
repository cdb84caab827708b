/** What makes the API server refuse jobs and datasets that a TuningPolicy does not allow. */
import { admissionBindingSpec, admissionPolicies } from '@attune/crds/tuning-policy-admission.ts'
import { labels } from './operator-metadata.ts'
import type { OperatorSettings } from './operator-settings.ts'

/** Each with its binding, by the end of their name. */
export const admissions = (settings: OperatorSettings) =>
  Object.entries(admissionPolicies()).map(([end, spec]) => {
    const metadata = {
      name: `${settings.namespace}-attune-${end}`,
      labels: labels(settings),
    }
    return {
      end,
      policy: { metadata, spec },
      binding: { metadata, spec: admissionBindingSpec(metadata.name) },
    }
  })
