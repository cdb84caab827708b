/** Every Prometheus metric of the operator. Labels are bounded: a job's name is never one. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { RequestObservation } from './kube/kube-client.ts'
import type { ReflectorObserver } from './kube/reflector.ts'
import type { WorkQueueObserver } from './kube/work-queue.ts'

export type JobCount = {
  readonly namespace: string
  readonly phase: string
  readonly count: number
}

export type OperatorMetrics = ReturnType<typeof createMetrics>

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

type Registers = [Registry]

const workMetrics = (registers: Registers) => {
  const reconcile = new Histogram({
    name: 'attune_operator_reconcile_seconds',
    help: 'Time of one look at an object, by its kind and the outcome.',
    labelNames: ['kind', 'outcome'],
    buckets: SECONDS,
    registers,
  })
  const depth = new Gauge({
    name: 'attune_operator_queue_depth',
    help: 'Jobs that wait for a worker.',
    registers,
  })
  const waited = new Histogram({
    name: 'attune_operator_queue_wait_seconds',
    help: 'Time that a job waited for a worker.',
    buckets: SECONDS,
    registers,
  })
  const retries = new Counter({
    name: 'attune_operator_queue_retries_total',
    help: 'Looks that failed and are tried again.',
    registers,
  })
  return {
    reconciled: (kind: string, outcome: string, seconds: number) =>
      reconcile.observe({ kind, outcome }, seconds),
    queue: {
      depth: keys => depth.set(keys),
      waited: seconds => waited.observe(seconds),
      retried: () => retries.inc(),
    } satisfies WorkQueueObserver,
  }
}

const apiMetrics = (registers: Registers) => {
  const restarts = new Counter({
    name: 'attune_operator_watch_restarts_total',
    help: 'Watches that ended, by resource and reason.',
    labelNames: ['resource', 'reason'],
    registers,
  })
  const requests = new Counter({
    name: 'attune_operator_api_requests_total',
    help: 'Requests to the API server, by verb, resource and code.',
    labelNames: ['verb', 'resource', 'code'],
    registers,
  })
  const requestSeconds = new Histogram({
    name: 'attune_operator_api_request_seconds',
    help: 'Time of a request to the API server, watches excluded.',
    labelNames: ['verb'],
    buckets: SECONDS,
    registers,
  })
  return {
    requested: ({ verb, resource, code, seconds }: RequestObservation) => {
      requests.inc({ verb, resource, code: String(code) })
      if (verb !== 'watch') requestSeconds.observe({ verb }, seconds)
    },
    watching: (resource: string): ReflectorObserver => ({
      restarted: reason => restarts.inc({ resource, reason }),
    }),
  }
}

const replicaMetrics = (registers: Registers) => {
  const eventsDropped = new Counter({
    name: 'attune_operator_events_dropped_total',
    help: 'Kubernetes Events that found their queue full.',
    registers,
  })
  const leader = new Gauge({
    name: 'attune_operator_leader',
    help: '1 while this replica acts.',
    registers,
  })
  return { leader, eventDropped: () => eventsDropped.inc() }
}

const registerJobs = (registers: Registers, countJobs: () => readonly JobCount[]) => {
  new Gauge({
    name: 'attune_jobs',
    help: 'InstructionTuningJobs by namespace and phase, told by the replica that leads.',
    labelNames: ['namespace', 'phase'],
    registers,
    collect() {
      this.reset()
      for (const { count, ...labels } of countJobs()) this.set(labels, count)
    },
  })
}

/** @param countJobs is called at every scrape */
export const createMetrics = (countJobs: () => readonly JobCount[]) => {
  const registry = new Registry()
  const registers: Registers = [registry]
  collectDefaultMetrics({ register: registry })
  const metrics = {
    registry,
    ...workMetrics(registers),
    ...apiMetrics(registers),
    ...replicaMetrics(registers),
  }
  registerJobs(registers, countJobs)
  return Object.freeze(metrics)
}
