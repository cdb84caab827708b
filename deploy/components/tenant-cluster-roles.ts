/** Attune's kinds in Kubernetes' own roles view, edit and admin. */
import { tenantRoles } from '@attune/crds/tenant-roles.ts'
import { labels } from './operator-metadata.ts'
import type { OperatorSettings } from './operator-settings.ts'

export const tenantClusterRoles = (settings: OperatorSettings) =>
  tenantRoles().map(({ name, labels: aggregation, rules }) => ({
    metadata: {
      name: `${settings.namespace}-attune-${name}`,
      labels: { ...labels(settings), ...aggregation },
    },
    rules: rules.map(({ apiGroups, resources, verbs }) => ({
      apiGroups: [...apiGroups],
      resources: [...resources],
      verbs: [...verbs],
    })),
  }))
