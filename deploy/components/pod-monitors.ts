/** PodMonitors of the operator and of the stages' pods, for a cluster with the Prometheus operator. */
import { labels, namespaced, selectorLabels } from './operator-metadata.ts'
import type { OperatorSettings } from './operator-settings.ts'

const TYPE = { apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor' }

const metadata = (settings: OperatorSettings) => ({
  ...namespaced(settings),
  labels: { ...labels(settings), ...settings.podMonitor.labels },
})

export const operatorPodMonitor = (settings: OperatorSettings) => ({
  ...TYPE,
  metadata: metadata(settings),
  spec: {
    selector: { matchLabels: selectorLabels(settings) },
    podMetricsEndpoints: [
      {
        port: 'metrics',
        // attune_jobs says in its label namespace where the jobs are, not where the operator is
        honorLabels: true,
        interval: settings.podMonitor.interval,
      },
    ],
  },
})

/** A tenant's pod can carry the labels by which trainers are found. */
const LIMITS = {
  sampleLimit: 2000,
  labelLimit: 64,
  labelNameLengthLimit: 128,
  labelValueLengthLimit: 512,
}

/**
 * What a trainer tells. A tenant's pod could tell figures that only the operator knows, such as
 * attune_accelerator_seconds_total, and `attune usage` would count them.
 */
const TRAINER_METRIC =
  '(attune_(stage|trainer|dataset|training|validation|best_validation|checkpoint|evaluation)|process|nodejs)_.+'

export const trainerPodMonitor = (settings: OperatorSettings) => ({
  ...TYPE,
  metadata: { ...metadata(settings), name: 'attune-trainer' },
  spec: {
    namespaceSelector:
      settings.namespaces.length > 0 ? { matchNames: settings.namespaces } : { any: true },
    selector: {
      matchLabels: { 'app.kubernetes.io/managed-by': 'attune-operator' },
      matchExpressions: [{ key: 'attune.dev/stage', operator: 'Exists' }],
    },
    // the job's labels belong on a trainer's series: they tell one run from another
    podTargetLabels: ['attune.dev/job', 'attune.dev/run', 'attune.dev/stage'],
    ...LIMITS,
    podMetricsEndpoints: [
      {
        port: 'http',
        interval: settings.podMonitor.interval,
        metricRelabelings: [{ sourceLabels: ['__name__'], regex: TRAINER_METRIC, action: 'keep' }],
      },
    ],
  },
})
