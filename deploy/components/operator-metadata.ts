/** Names and labels that the objects of an installation share. */
import type { OperatorSettings } from './operator-settings.ts'

export const NAME = 'attune-operator'

export const selectorLabels = ({ release }: OperatorSettings) => ({
  'app.kubernetes.io/name': NAME,
  'app.kubernetes.io/instance': release,
})

export const labels = (settings: OperatorSettings) => ({
  ...selectorLabels(settings),
  'app.kubernetes.io/version': settings.version,
  'app.kubernetes.io/part-of': 'attune',
})

export const namespaced = (settings: OperatorSettings) => ({
  name: NAME,
  namespace: settings.namespace,
  labels: labels(settings),
})

/** Carries the namespace, so that two installations do not share a role. */
export const clusterWide = (settings: OperatorSettings) => ({
  name: `${settings.namespace}-${NAME}`,
  labels: labels(settings),
})
