import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { API_VERSION } from '@attune/crds/api-group.ts'
import t from 'tap'
import { readConfig } from '../../operator/src/config.ts'
import { InstructionTuningJobs, KIND, StageJobs } from '../../operator/src/job/kinds.ts'
import type { KubeClient } from '../../operator/src/kube/kube-client.ts'
import { loadKubeConnection } from '../../operator/src/kube/kube-config.ts'
import { defineKind } from '../../operator/src/kube/kube-object.ts'
import { silentLog } from '../../operator/src/kube/log.ts'
import { startOperator } from '../../operator/src/run-operator.ts'
import { startControlPlane } from '../cluster/control-plane.ts'
import { installKinds } from '../cluster/shared-control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubeClient } from '../fixtures/kube/kube-client.ts'
import { SPEC } from '../fixtures/operator/tuning-job.ts'

const BACKLOG = 5_000
const CREATED_AT_ONCE = 32
/** Looks at the backlog before the neighbour comes; a job has its child after the second look at it. */
const UNDER_WAY = 100
const MOST = BACKLOG / 2
/** The promise. A machine that is slow also without a backlog is allowed some times its own idle time. */
const PROMISED_SECONDS = 2
const IDLE_TIMES = 3
/** One of them may meet a pause of the machine. */
const NEIGHBOURS = ['few', 'fewer', 'fewest'] as const

const Namespaces = defineKind({
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
})

const createNamespace = (client: KubeClient, name: string) =>
  client.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })

const createJob = (client: KubeClient, namespace: string, name: string) =>
  client.create(InstructionTuningJobs, {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name, namespace },
    spec: SPEC,
  })

const createMany = async (client: KubeClient, namespace: string, count: number) => {
  const names = Array.from({ length: count }, (_, index) => `many-${index}`).values()
  const worker = async () => {
    for (const name of names) await createJob(client, namespace, name)
  }
  await Promise.all(Array.from({ length: CREATED_AT_ONCE }, worker))
}

const metricsOf = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    get({ port, path: '/metrics' }, response => resolve(text(response))).on('error', reject)
  })

const sampleOf = (metrics: string, series: string) =>
  Number(
    metrics
      .split('\n')
      .find(line => line.startsWith(`${series} `))
      ?.slice(series.length),
  )

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const seconds = (since: number) => (performance.now() - since) / 1000

const config = readConfig(
  ['--trainer-image=attune/trainer:test', '--metrics-port=0', '--health-port=0'],
  {},
)
const onLost = (error: Error) => {
  throw error
}
const startOn = (kubeconfig: string) => {
  if (!config) throw new Error('no configuration')
  const connection = loadKubeConnection({ kubeconfig })
  return startOperator({ config, connection, log: silentLog, onLost })
}

/** @returns seconds from the job to its first child */
const firstChildAfter = async (client: KubeClient, namespace: string): Promise<number> => {
  const asked = performance.now()
  await createJob(client, namespace, 'first')
  await eventually(() => client.get(StageJobs, { namespace, name: 'first-1-prepare' }), {
    everyMs: 10,
  })
  return seconds(asked)
}

/** The same with nothing else to do; the first job of all also waits for the operator to start. */
const idleSeconds = async (client: KubeClient, kubeconfig: string): Promise<number> => {
  const operator = await startOn(kubeconfig)
  await firstChildAfter(client, 'warm')
  const took = await firstChildAfter(client, 'idle')
  await operator.stop()
  return took
}

t.test("one tenant's 5,000 jobs do not hold up another's first", { timeout: 580_000 }, async t => {
  const plane = await startControlPlane()
  t.teardown(plane.stop)
  await installKinds(plane)
  const client = kubeClient(t, { kubeconfig: plane.kubeconfig })
  for (const name of ['warm', 'idle', 'many', ...NEIGHBOURS]) await createNamespace(client, name)
  const idle = await idleSeconds(client, plane.kubeconfig)
  const creating = performance.now()
  await createMany(client, 'many', BACKLOG)
  t.comment(`${BACKLOG} jobs created in ${seconds(creating).toFixed(1)} s`)

  const operator = await startOn(plane.kubeconfig)
  t.teardown(operator.stop)

  const childrenOf = async (namespace: string) =>
    (await client.list(StageJobs, { namespace, resourceVersion: '0' })).items.length
  const label = `{kind="${KIND}"}`
  await eventually(async () => {
    const metrics = await metricsOf(operator.metricsPort)
    const looks = sampleOf(metrics, `attune_operator_queue_wait_seconds_count${label}`)
    if (!(looks >= UNDER_WAY)) throw new Error(`${looks} looks at the backlog`)
  })

  const times: number[] = []
  for (const neighbour of NEIGHBOURS) times.push(await firstChildAfter(client, neighbour))
  const took = median(times)
  const children = await childrenOf('many')
  const metrics = await metricsOf(operator.metricsPort)
  const depth = sampleOf(metrics, `attune_operator_queue_depth${label}`)
  t.comment(
    `first child Jobs after ${times.map(time => time.toFixed(2)).join(', ')} s, ${idle.toFixed(2)} s on the idle cluster; ${children} of ${BACKLOG} jobs had theirs, ${depth} waited for a worker`,
  )
  t.ok(children < MOST, `${children} children of the backlog: most of it is still there`)
  t.ok(depth > MOST, `${depth} jobs of the backlog wait for a worker`)
  const allowed = Math.max(PROMISED_SECONDS, IDLE_TIMES * idle)
  t.ok(took <= allowed, `${took.toFixed(2)} s of ${allowed.toFixed(2)} s`)
  t.match(metrics, 'attune_jobs{namespace="few",phase=', 'a scrape meanwhile counts all of them')
})
