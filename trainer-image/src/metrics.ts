/** The Prometheus metrics of a trainer pod, by prom-client. */
import { createMetrics } from '@attune/crds/metrics/create-metrics.ts'
import { Registry } from 'prom-client'
import { TRAINER_METRICS } from './metric-definitions.ts'

export type TrainerMetrics = ReturnType<typeof createTrainerMetrics>

export const createTrainerMetrics = () => {
  const registry = new Registry()
  return { registry, ...createMetrics(TRAINER_METRICS, registry) }
}
