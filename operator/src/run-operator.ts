/** Wiring: client, caches, leader, workers, servers, and their orderly end. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { baseModelControllers } from './base-model/controller.ts'
import { createCaches } from './caches.ts'
import type { Config } from './config.ts'
import { type Controller, runController } from './controller.ts'
import { DATASET_KIND } from './dataset/kinds.ts'
import { DATASET_LABEL } from './dataset/names.ts'
import { createDatasetReconcile } from './dataset/reconcile.ts'
import { EXPERIMENT_KIND } from './experiment/kinds.ts'
import { createExperimentReconcile } from './experiment/reconcile.ts'
import { type RunningServer, serveHealth, serveMetrics } from './health.ts'
import { KIND } from './job/kinds.ts'
import { JOB_LABEL } from './job/names.ts'
import { createProgressPoller } from './job/progress-poller.ts'
import { createReconcile } from './job/reconcile.ts'
import { createWarningReader } from './job/warning-reader.ts'
import { createKubeClient } from './kube/client.ts'
import { sleep, systemClock } from './kube/clock.ts'
import { createEventRecorder } from './kube/events.ts'
import type { KubeConnection } from './kube/kube-connection.ts'
import { objectKey } from './kube/kube-object.ts'
import { createLeaderElector } from './kube/leader.ts'
import type { Log } from './kube/log.ts'
import { createStatusPace } from './kube/status-pace.ts'
import { createWorkQueue } from './kube/work-queue.ts'
import { countPhases, countTrials, type PhaseCount } from './metrics/count-phases.ts'
import { createOperatorMetrics } from './metrics/operator-metrics.ts'
import { restrictions } from './restrictions.ts'

const NAME = 'attune-operator'
/** A child that the API server refuses, e.g. for a quota, is tried again at least this often. */
const BACKOFF = { baseMs: 50, capMs: 60_000 }
/** Between two looks at the Events of what does not start. */
const WARNINGS_MS = 10_000

export type OperatorOptions = {
  readonly config: Config
  readonly connection: KubeConnection
  readonly log: Log
  /** Another replica leads: the process must end at once. */
  readonly onLost: (reason: Error) => void
}

export type Operator = {
  readonly metricsPort: number
  readonly healthPort: number
  isLeader(): boolean
  /** Resolves when every job that was being looked at is done with and the lease is given away. */
  stop(): Promise<void>
}

/** Everything that runs, made and not yet started. */
const createParts = (
  { config, connection, log, onLost }: OperatorOptions,
  isLeader: () => boolean,
) => {
  const identity = `${hostname()}_${randomUUID()}`
  const ifLeading = (count: () => readonly PhaseCount[]) => () => (isLeader() ? count() : [])
  const metrics = createOperatorMetrics({
    jobs: ifLeading(() => countPhases(caches.jobs.list())),
    experiments: ifLeading(() => countPhases(caches.experiments.list())),
    experimentTrials: ifLeading(() => countTrials(caches.experiments.list())),
    datasets: ifLeading(() => countPhases(caches.datasets.list())),
  })
  const client = createKubeClient(connection, { userAgent: NAME, observe: metrics.requested })
  const caches = createCaches({ client, config, log, metrics })
  const queue = createWorkQueue({ observe: metrics.queue(KIND), backoff: BACKOFF })
  const onDropped = metrics.eventDropped
  const events = createEventRecorder({
    client,
    component: NAME,
    instance: identity,
    log,
    onDropped,
  })
  const namespace = config.leaderNamespace ?? connection.namespace
  const elector = createLeaderElector({ client, namespace, name: NAME, identity, log, onLost })
  const poller = createProgressPoller({
    pods: () => caches.pods.list(),
    port: config.trainerPort,
    intervalMs: config.pollIntervalMs,
    onChange: queue.add,
    log,
  })
  const datasetQueue = createWorkQueue({ observe: metrics.queue(DATASET_KIND), backoff: BACKOFF })
  const datasetWarnings = createWarningReader({
    client,
    label: DATASET_LABEL,
    pods: () => caches.pods.list(),
    stageJobs: () => caches.stageJobs.list(),
    intervalMs: WARNINGS_MS,
    onChange: datasetQueue.add,
    log,
  })
  const warnings = createWarningReader({
    label: JOB_LABEL,
    client,
    pods: () => caches.pods.list(),
    stageJobs: () => caches.stageJobs.list(),
    intervalMs: WARNINGS_MS,
    onChange: queue.add,
    log,
  })
  const reconcile = createReconcile({
    client,
    events,
    now: systemClock.now,
    meter: metrics.jobMeter,
    pace: createStatusPace(config.pollIntervalMs),
    caches: { ...caches, progress: poller, warnings },
    config,
  })
  const jobs: Controller = {
    kind: KIND,
    queue,
    reconcile,
    subscribe: caches.subscribe,
    keys: () => caches.jobs.list().map(job => objectKey(job.metadata)),
  }
  const datasets: Controller = {
    kind: DATASET_KIND,
    queue: datasetQueue,
    reconcile: createDatasetReconcile({
      client,
      events,
      now: systemClock.now,
      caches: { ...caches, warnings: datasetWarnings },
      config,
    }),
    subscribe: caches.subscribeDatasets,
    keys: () => caches.datasets.list().map(dataset => objectKey(dataset.metadata)),
  }
  const experiments: Controller = {
    kind: EXPERIMENT_KIND,
    queue: createWorkQueue({ observe: metrics.queue(EXPERIMENT_KIND), backoff: BACKOFF }),
    reconcile: createExperimentReconcile({
      client,
      events,
      now: systemClock.now,
      caches,
      // the trials' own figures are no newer
      pace: createStatusPace(config.pollIntervalMs),
    }),
    subscribe: caches.subscribeExperiments,
    keys: () => caches.experiments.list().map(({ metadata }) => objectKey(metadata)),
  }
  const actor = { client, events, now: systemClock.now }
  const baseModels = baseModelControllers({ config, caches, metrics, ...actor })
  const controllers: readonly Controller[] = [jobs, datasets, experiments, ...baseModels]
  const readers = [warnings, datasetWarnings]
  return { metrics, client, caches, controllers, events, elector, poller, readers }
}
type Parts = ReturnType<typeof createParts>

const resync = async (
  controllers: readonly Controller[],
  periodMs: number,
  signal: AbortSignal,
) => {
  while (!signal.aborted) {
    await sleep(systemClock, periodMs, signal).catch(() => {})
    for (const { queue, keys } of controllers) for (const key of keys()) queue.add(key)
  }
}

/** Resolves when the queues are shut down and every object that was being looked at is done with. */
const work = async (
  parts: Parts,
  { config, log }: Pick<OperatorOptions, 'config' | 'log'>,
  signal: AbortSignal,
) => {
  const { metrics, controllers, poller, readers } = parts
  metrics.leader.set(1)
  const options = { workers: config.workers, log, observe: metrics.reconciled }
  await Promise.all([
    ...controllers.map(controller => runController(controller, options)),
    poller.run(signal),
    ...readers.map(reader => reader.run(signal)),
    resync(controllers, config.resyncMs, signal),
  ])
}

const serve = async (
  { metricsPort, healthPort }: Config,
  { metrics, caches }: Parts,
): Promise<readonly RunningServer[]> => [
  await serveMetrics(metricsPort, metrics.registry),
  await serveHealth(healthPort, caches.hasSynced),
]

/** Resolves once the servers listen; leading and reconciling follow by themselves. */
export const startOperator = async (options: OperatorOptions): Promise<Operator> => {
  const { config, log, onLost } = options
  for (const restriction of restrictions(config)) log.warn({}, restriction)
  const stopping = new AbortController()
  const stopCaches = new AbortController()
  let leading = () => false
  const parts = createParts(options, () => leading())
  const { metrics, client, caches, controllers, events, elector } = parts

  const lead = async (signal: AbortSignal) => {
    await caches.whenSynced(signal)
    if (config.leaderElect) await elector.acquire(signal)
    leading = config.leaderElect ? elector.isLeader : () => !signal.aborted
    await work(parts, options, signal)
  }
  const unlessAborted = (signal: AbortSignal) => (error: unknown) => {
    if (!signal.aborted) onLost(error as Error)
  }

  const servers = await serve(config, parts)
  const cached = caches.run(stopCaches.signal)
  const led = lead(stopping.signal).catch(unlessAborted(stopping.signal))
  cached.catch(unlessAborted(stopCaches.signal))

  const stop = async () => {
    stopping.abort()
    for (const { queue } of controllers) queue.shutDown()
    await led
    await events.flush()
    metrics.leader.set(0)
    if (config.leaderElect) await elector.release()
    stopCaches.abort()
    // its reason is the abort
    await cached.catch(() => {})
    for (const server of servers) await server.close()
    client.close()
  }
  const [metricsPort = 0, healthPort = 0] = servers.map(({ port }) => port)
  return { metricsPort, healthPort, isLeader: () => leading(), stop }
}
