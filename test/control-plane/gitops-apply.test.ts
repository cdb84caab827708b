import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { InstructionTuningJobSpec } from '@attune/crds/instruction-tuning-job-spec.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { type TuningCluster, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'
import { SPEC } from '../fixtures/operator/tuning-job.ts'

// Each has a namespace and an operator of its own, and mostly waits.
t.jobs = 4
const TOGETHER = { buffered: true }

const STAGES = ['prepare', 'train', 'evaluate', 'publish'] as const
/** As tools of Git label and annotate what they own. */
const OWNED = {
  labels: { 'app.kubernetes.io/instance': 'team-a' },
  annotations: {
    'argocd.argoproj.io/tracking-id': 'team-a:attune.dev/InstructionTuningJob:a/home',
  },
}

const manifest = (
  { name, namespace }: TuningCluster,
  spec: Partial<InstructionTuningJobSpec> = {},
) =>
  JSON.stringify({
    apiVersion: 'attune.dev/v1alpha1',
    kind: 'InstructionTuningJob',
    metadata: { name, namespace, ...OWNED },
    spec: { ...SPEC, ...spec },
  })

const succeed = async (cluster: TuningCluster) => {
  for (const stage of STAGES) await cluster.kubelet.succeeds(1, stage)
  return cluster.phase('Succeeded')
}

/** A second operator looks at everything anew; what it leaves as it is, is settled. */
const settled = async (cluster: TuningCluster) => {
  const other = await cluster.operator()
  await cluster.lookedMoreOften(other)
  await cluster.stop(other)
  return (await cluster.get()).metadata.resourceVersion
}
const metricsOf = async (port: number) => {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`)
  return { body: await response.text() }
}

const specOf = async (cluster: TuningCluster) => (await cluster.get()).spec

t.test('applying the same manifest again changes nothing', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  const text = manifest(cluster)
  await kubectl(['apply', '-f', '-'], text)
  const before = await specOf(cluster)
  await cluster.kubelet.starts(1, 'prepare')
  await t.test('while it runs', async t => {
    // the last of what a stage that runs is told with
    await cluster.until(({ status }) => {
      const [run] = status?.runs ?? []
      return run?.workspace !== undefined && run.stages[0]?.attempts === 1
    }, 'it is not said that Prepare runs')
    const version = await settled(cluster)
    for (const _ of [1, 2]) t.match(await kubectl(['apply', '-f', '-'], text), 'unchanged')
    t.equal((await cluster.get()).metadata.resourceVersion, version)
  })
  const { metadata } = await succeed(cluster)
  await t.test('after its end', async t => {
    const version = await settled(cluster)
    for (const _ of [1, 2]) t.match(await kubectl(['apply', '-f', '-'], text), 'unchanged')
    t.equal(await settled(cluster), version)
    t.equal(metadata.generation, 1)
    t.strictSame(await specOf(cluster), before, 'nobody has written to the spec')
  })
  await t.test('and kubectl diff finds nothing', async t => {
    t.equal(await kubectl(['diff', '-f', '-'], text), '')
    t.equal(await kubectl(['diff', '--server-side', '--force-conflicts', '-f', '-'], text), '')
  })
})

t.test('another manager that applies on the server side', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  const text = manifest(cluster)
  // without --force-conflicts: a field of ours among its own would be an error
  const apply = () =>
    kubectl(['apply', '--server-side', '--field-manager=kustomize-controller', '-f', '-'], text)
  await apply()
  await cluster.kubelet.starts(1, 'prepare')
  await cluster.phase('Preparing')
  await t.resolves(apply(), 'no conflict while it runs')
  await succeed(cluster)
  const version = await settled(cluster)
  await t.resolves(apply(), 'no conflict after its end')
  t.equal(await settled(cluster), version, 'and neither writes because of the other')
  const { managedFields = [] } = (
    JSON.parse(
      await kubectl([
        ...['get', `itj/${cluster.name}`, '-n', cluster.namespace],
        ...['--show-managed-fields', '-o', 'json'],
      ]),
    ) as { metadata: { managedFields?: readonly Managed[] } }
  ).metadata
  const byManager = [...managedFields].sort((a, b) => (a.manager < b.manager ? -1 : 1))
  t.strictSame(
    byManager.map(({ manager, subresource, fieldsV1 }) => [
      manager,
      subresource,
      Object.keys(fieldsV1).filter(key => key !== 'f:metadata'),
    ]),
    [
      ['attune-operator', 'status', ['f:status']],
      ['kustomize-controller', undefined, ['f:spec']],
    ],
  )
})
type Managed = {
  readonly manager: string
  readonly subresource?: string
  readonly fieldsV1: object
}

t.test('what Git owns stays when its time to live is over', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  const text = manifest(cluster, { ttlSecondsAfterFinished: 1 })
  await kubectl(['apply', '-f', '-'], text)
  const { metadata } = await succeed(cluster)
  await eventually(async () => {
    const left = await cluster.names('jobs')
    if (left.length > 0) throw new Error(`left: ${left.join(', ')}`)
  })
  const version = await settled(cluster)
  t.match(await kubectl(['apply', '-f', '-'], text), 'unchanged')
  t.equal(await settled(cluster), version)
  const after = await cluster.get()
  t.equal(after.metadata.uid, metadata.uid)
  t.match(after.metadata.labels, OWNED.labels)
  t.equal(after.status?.run, 1, 'and nothing is trained again')
  t.strictSame(await cluster.names('jobs'), [])
})

/** What the operator does unless it is told otherwise, and the bound for writes of one job. */
const POLL_MS = 5_000

/** A trainer whose figures differ at every look. */
const busyTrainer = async (t: Test): Promise<number> => {
  let step = 0
  const server = createServer((_, response) => {
    step += 1
    const training = {
      ...{ step, totalSteps: 1000, epoch: 0.1, loss: 1 / step, learningRate: 0.001 },
      ...{ gradientNorm: 1, tokensPerSecond: 400, etaSeconds: 9, microBatchSeconds: 2 },
    }
    response.end(JSON.stringify({ stage: 'train', activity: 'a', fraction: 0.5, training }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

t.test(
  'an ordinary run writes each phase once, and between them once in 5 s',
  TOGETHER,
  async t => {
    const cluster = await tuningCluster(t)
    const history = await cluster.history()
    const { metricsPort } = await cluster.operator({ pollIntervalMs: POLL_MS })
    const started = performance.now()
    await kubectl(['apply', '-f', '-'], manifest(cluster))
    const { metadata } = await succeed(cluster)
    const seconds = (performance.now() - started) / 1000
    await eventually(() => {
      if (history.at(-1)?.metadata.resourceVersion !== metadata.resourceVersion)
        throw new Error('not seen yet')
    })
    const written = history.filter(({ status }) => status?.phase !== undefined)
    const phases = written.map(({ status }) => status?.phase)
    const changes = phases.filter((phase, i) => phase !== phases[i - 1])
    t.strictSame(changes, [
      ...['Pending', 'Preparing', 'Training', 'Evaluating', 'Publishing', 'Succeeded'],
    ])
    const allowed = changes.length + Math.floor(seconds / (POLL_MS / 1000))
    const measured = `${written.length} writes, ${changes.length} phases, ${seconds.toFixed(1)} s`
    t.comment(measured)
    t.ok(written.length <= allowed, measured)
    // the answer to a write may come after the watch has told of it
    const sent = await eventually(async () => {
      const { body } = await metricsOf(metricsPort)
      const calls = body
        .split('\n')
        .find(
          line => line.includes('"instructiontuningjobs/status"') && line.includes('code="200"'),
        )
      const count = Number(calls?.split(' ').at(-1))
      if (!(count >= written.length)) throw new Error(`${count} of ${written.length} are answered`)
      return count
    })
    t.equal(sent, written.length, 'and no more was sent')
  },
)

t.test('a job that makes progress writes its status at most once in 5 s', TOGETHER, async t => {
  const trainerPort = await busyTrainer(t)
  const cluster = await tuningCluster(t)
  const history = await cluster.history()
  await cluster.operator({ trainerPort, pollIntervalMs: POLL_MS })
  await kubectl(['apply', '-f', '-'], manifest(cluster))
  await cluster.kubelet.succeeds(1, 'prepare')
  await cluster.kubelet.starts(1, 'train')
  const first = await cluster.until(job => (job.status?.training?.step ?? 0) >= 1, 'no progress')
  const started = performance.now()
  const from = first.status?.training?.step ?? 0
  const number = ({ metadata }: typeof first) => Number(metadata.resourceVersion)
  const writes = await eventually(() => {
    const since = history.filter(job => number(job) > number(first))
    const told = since.filter(job => (job.status?.training?.step ?? 0) > from)
    if (told.length < 3) throw new Error(`progress is written ${told.length} times`)
    return since
  })
  const seconds = (performance.now() - started) / 1000
  const allowed = Math.ceil(seconds / (POLL_MS / 1000)) + 1
  t.ok(writes.length <= allowed, `${writes.length} writes in ${seconds.toFixed(1)} s`)
})
