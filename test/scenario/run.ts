/** A scripted day of three tenants on one cluster: `npm run test:scenario`. Needs what `npm run test:cluster` needs. */
import process from 'node:process'
import { createKubeClient } from '../../operator/src/kube/client.ts'
import { loadKubeConnection } from '../../operator/src/kube/kube-config.ts'
import { type Cluster, startCluster } from '../cluster/node.ts'
import { SYSTEM_NAMESPACE } from '../cluster/tuning/helm.ts'
import { leftBehind, rememberMachine } from '../run/machine.ts'
import { unmetNeeds } from '../run/parts.ts'
import { type DayReport, runDay } from './day.ts'
import { playQueue } from './queue/play-queue.ts'
import { provideTenants } from './tenants.ts'
import { createTimeline, type Timeline, timelineText } from './timeline.ts'

const GPUS = 2
const TIME_LIMIT_MS = 2_700_000

const print = (text: string): boolean => process.stdout.write(`${text}\n`)
const tell = (line: string): boolean => process.stderr.write(`scenario: ${line}\n`)

/** What a reader of a failure looks at next. */
const tellMore = async ({ kubectl }: Cluster): Promise<void> => {
  const looks = [
    ['get', 'itj,ids,tex', '-A', '-o', 'wide'],
    ['get', 'pods', '-A', '--field-selector=status.phase!=Succeeded'],
    ['logs', '-n', SYSTEM_NAMESPACE, 'deployment/attune-operator', '--tail=20'],
  ]
  for (const args of looks) {
    const said = await kubectl(args).catch((error: Error) => error.message)
    process.stderr.write(`\nkubectl ${args.join(' ')}\n${said}\n`)
  }
}

const onCluster = async (
  cluster: Cluster,
  timeline: Timeline,
  signal: AbortSignal,
): Promise<DayReport> => {
  await provideTenants(cluster)
  const client = createKubeClient(loadKubeConnection({ kubeconfig: cluster.kubeconfig }))
  const queue = playQueue(client, ['team-a', 'team-b'], GPUS)
  try {
    return await runDay({ cluster, client, queue, timeline, signal })
  } catch (error) {
    const problem = queue.problem()
    if (problem !== undefined) tell(`the queue's last pass failed: ${problem}`)
    await tellMore(cluster)
    throw error
  } finally {
    await queue.stop()
    client.close()
  }
}

const day = async (timeline: Timeline, signal: AbortSignal): Promise<DayReport> => {
  const cluster = await startCluster({ images: ['operator', 'trainer'] })
  try {
    return await onCluster(cluster, timeline, signal)
  } finally {
    await cluster.stop()
  }
}

const stopSignal = (): AbortSignal => {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => stop.abort(new Error(`stopped by ${name}`)))
  const limit = new Error(`the day took longer than ${TIME_LIMIT_MS / 60_000} minutes`)
  setTimeout(() => stop.abort(limit), TIME_LIMIT_MS).unref()
  return stop.signal
}

const main = async (): Promise<number> => {
  const unmet = unmetNeeds(['cluster'])
  if (unmet.length > 0) {
    print(`the scenario cannot run here:\n- ${unmet.join('\n- ')}`)
    return 1
  }
  const signal = stopSignal()
  const before = await rememberMachine()
  const timeline = createTimeline(tell)
  let code = 0
  try {
    const { jobs, usage } = await day(timeline, signal)
    print(`\n${timelineText(timeline.entries)}`)
    print(`Where every job is at 16:00\n\n${jobs}`)
    print(`attune usage -A\n\n${usage}`)
  } catch (error) {
    print(`\n${timelineText(timeline.entries)}`)
    const reason: unknown = signal.aborted ? signal.reason : error
    print(reason instanceof Error ? reason.message : String(reason))
    code = 1
  }
  const { failed } = await leftBehind(before)
  print(code + failed === 0 ? 'the day went as scripted' : 'the day did not go as scripted')
  return code + failed > 0 ? 1 : 0
}

process.exitCode = await main()
