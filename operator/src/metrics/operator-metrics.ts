/** The operator's metrics as its parts tell them. */
import { OTHER_RESOURCE, RESOURCES_MAX } from '@attune/crds/accelerator-resource.ts'
import { createMetrics, type MetricsOf } from '@attune/crds/metrics/create-metrics.ts'
import { registerProcessMetrics } from '@attune/crds/metrics/process-metrics.ts'
import { type Gauge, Registry } from 'prom-client'
import type { JobMeter } from '../job/job-meter.ts'
import type { RequestObservation } from '../kube/kube-client.ts'
import type { ReflectorObserver } from '../kube/reflector.ts'
import type { WorkQueueObserver } from '../kube/work-queue.ts'
import type { PhaseCount } from './count-phases.ts'
import { OPERATOR_METRICS } from './definitions.ts'

export type OperatorMetrics = ReturnType<typeof createOperatorMetrics>

type Metrics = MetricsOf<typeof OPERATOR_METRICS>

const queueObserver =
  ({ queueDepth, queueWaitSeconds, queueRetries, queueDropped }: Metrics) =>
  (kind: string): WorkQueueObserver => ({
    depth: keys => queueDepth.set({ kind }, keys),
    waited: seconds => queueWaitSeconds.observe({ kind }, seconds),
    retried: () => queueRetries.inc({ kind }),
    dropped: () => queueDropped.inc({ kind }),
  })

const requestObserver =
  ({ apiRequests, apiRequestSeconds }: Metrics) =>
  ({ verb, resource, code, seconds }: RequestObservation) => {
    apiRequests.inc({ verb, resource, code: String(code) })
    if (verb !== 'watch') apiRequestSeconds.observe({ verb }, seconds)
  }

/** @returns the first of them by their names, and one name for the rest */
const boundedNames = () => {
  const known = new Set<string>()
  return (name: string): string => {
    if (known.size < RESOURCES_MAX - 1) known.add(name)
    return known.has(name) ? name : OTHER_RESOURCE
  }
}

const jobMeter = ({ phaseSeconds, runs, runFailures, acceleratorSeconds }: Metrics): JobMeter => {
  const bounded = boundedNames()
  return {
    left: (phase, seconds) => phaseSeconds.observe({ phase }, seconds),
    ended: (namespace, outcome, reason) => {
      runs.inc({ namespace, outcome })
      if (reason !== undefined) runFailures.inc({ namespace, reason })
    },
    used: (namespace, resource, seconds) =>
      acceleratorSeconds.inc({ namespace, resource: bounded(resource) }, seconds),
  }
}

/** Each is called at every scrape. */
export type Counts = Readonly<
  Record<'jobs' | 'experiments' | 'experimentTrials' | 'datasets', () => readonly PhaseCount[]>
>

const byPhase =
  (count: () => readonly PhaseCount[]) =>
  (gauge: Gauge<'namespace' | 'phase'>): void => {
    gauge.reset()
    for (const { count: number, ...labels } of count()) gauge.set(labels, number)
  }

export const createOperatorMetrics = (counts: Counts) => {
  const registry = new Registry()
  registerProcessMetrics(registry)
  const metrics = createMetrics(OPERATOR_METRICS, registry, {
    jobs: byPhase(counts.jobs),
    experiments: byPhase(counts.experiments),
    experimentTrials: byPhase(counts.experimentTrials),
    datasets: byPhase(counts.datasets),
  })
  return Object.freeze({
    registry,
    reconciled: (kind: string, outcome: string, seconds: number) =>
      metrics.reconcileSeconds.observe({ kind, outcome }, seconds),
    queue: queueObserver(metrics),
    requested: requestObserver(metrics),
    watching: (resource: string): ReflectorObserver => ({
      restarted: reason => metrics.watchRestarts.inc({ resource, reason }),
    }),
    eventDropped: () => metrics.eventsDropped.inc(),
    leader: metrics.leader,
    hubAnswered: (outcome: string) => metrics.hubLooks.inc({ outcome }),
    jobMeter: jobMeter(metrics),
  })
}
