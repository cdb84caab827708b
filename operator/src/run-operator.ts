/** Wiring: client, caches, leader, workers, servers, and their orderly end. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { baseModelControllers } from './base-model/controller.ts'
import { createCaches } from './caches.ts'
import type { Config } from './config.ts'
import { type Controller, runController } from './controller.ts'
import { datasetController } from './dataset/controller.ts'
import { experimentController } from './experiment/controller.ts'
import { type RunningServer, serveHealth, serveMetrics } from './health.ts'
import { jobController } from './job/controller.ts'
import { createKubeClient } from './kube/client.ts'
import { sleep, systemClock } from './kube/clock.ts'
import { createEventRecorder } from './kube/events.ts'
import type { KubeConnection } from './kube/kube-connection.ts'
import { createLeaderElector } from './kube/leader.ts'
import type { Log } from './kube/log.ts'
import { countPhases, countTrials, type PhaseCount } from './metrics/count-phases.ts'
import { createOperatorMetrics } from './metrics/operator-metrics.ts'
import { policyControllers } from './policy/controller.ts'
import { restrictions } from './restrictions.ts'

const NAME = 'attune-operator'

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
  const common = { client, events, now: systemClock.now, config, caches, metrics, log }
  const jobs = jobController(common)
  const datasets = datasetController(common)
  const controllers: readonly Controller[] = [
    jobs.controller,
    datasets.controller,
    experimentController(common),
    ...baseModelControllers(common),
    ...policyControllers(common),
  ]
  const readers = [...jobs.readers, ...datasets.readers]
  return { metrics, client, caches, controllers, events, elector, readers }
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
  const { metrics, controllers, readers } = parts
  metrics.leader.set(1)
  const options = { workers: config.workers, log, observe: metrics.reconciled }
  await Promise.all([
    ...controllers.map(controller => runController(controller, options)),
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
