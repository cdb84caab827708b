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
/** On an idle machine it takes a fraction of a second; the promise is two. */
const GENEROUS_SECONDS = 20

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

const seconds = (since: number) => (performance.now() - since) / 1000

t.test("one tenant's 5,000 jobs do not hold up another's first", { timeout: 580_000 }, async t => {
  const plane = await startControlPlane()
  t.teardown(plane.stop)
  await installKinds(plane)
  const client = kubeClient(t, { kubeconfig: plane.kubeconfig })
  const connection = loadKubeConnection({ kubeconfig: plane.kubeconfig })
  for (const name of ['many', 'few']) await createNamespace(client, name)
  const creating = performance.now()
  await createMany(client, 'many', BACKLOG)
  t.comment(`${BACKLOG} jobs created in ${seconds(creating).toFixed(1)} s`)

  const config = readConfig(
    ['--trainer-image=attune/trainer:test', '--metrics-port=0', '--health-port=0'],
    {},
  )
  if (!config) throw new Error('no configuration')
  const onLost = (error: Error) => {
    throw error
  }
  const operator = await startOperator({ config, connection, log: silentLog, onLost })
  t.teardown(operator.stop)

  const childrenOf = async (namespace: string) =>
    (await client.list(StageJobs, { namespace, resourceVersion: '0' })).items.length
  const label = `{kind="${KIND}"}`
  await eventually(async () => {
    const metrics = await metricsOf(operator.metricsPort)
    const looks = sampleOf(metrics, `attune_operator_queue_wait_seconds_count${label}`)
    if (!(looks >= UNDER_WAY)) throw new Error(`${looks} looks at the backlog`)
  })

  const asked = performance.now()
  await createJob(client, 'few', 'first')
  await eventually(() => client.get(StageJobs, { namespace: 'few', name: 'first-1-prepare' }), {
    everyMs: 10,
  })
  const took = seconds(asked)
  const children = await childrenOf('many')
  const metrics = await metricsOf(operator.metricsPort)
  const depth = sampleOf(metrics, `attune_operator_queue_depth${label}`)
  t.comment(
    `first child Job after ${took.toFixed(2)} s; ${children} of ${BACKLOG} jobs had theirs, ${depth} waited for a worker`,
  )
  t.ok(children < MOST, `${children} children of the backlog: most of it is still there`)
  t.ok(depth > MOST, `${depth} jobs of the backlog wait for a worker`)
  t.ok(took < GENEROUS_SECONDS, `${took.toFixed(2)} s`)
  t.match(metrics, 'attune_jobs{namespace="few",phase=', 'a scrape meanwhile counts all of them')
})
