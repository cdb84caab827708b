import t from 'tap'
import { Claims } from '../../operator/src/job/kinds.ts'
import { attune } from '../fixtures/cli/attune.ts'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { mirrored } from '../fixtures/operator/mirrored.ts'
import { type TuningCluster, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

/** The claim of the output, which is the tenant's own. */
const makeOutputClaim = async ({ namespace }: TuningCluster): Promise<string> => {
  const manifest = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'models' },
    spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } },
  }
  const how = ['create', '-n', namespace, '-o', 'jsonpath={.metadata.uid}', '-f', '-']
  return kubectl(how, JSON.stringify(manifest))
}

const STAGES = ['prepare', 'train', 'evaluate', 'publish'] as const
const RERUN = 'attune.dev/rerun=now'

t.test('a spec change is a new run that repeats only what it must', async t => {
  const cluster = await tuningCluster(t)
  await makeOutputClaim(cluster)
  await cluster.operator()
  const stagesOf = async (run: number) => {
    const { status } = await cluster.get()
    return status?.runs?.find(({ number }) => number === run)?.stages ?? []
  }
  const states = async (run: number) => (await stagesOf(run)).map(({ state }) => state)

  await cluster.submit({ training: { learningRate: 0.0002 } })
  for (const stage of STAGES) await cluster.kubelet.succeeds(1, stage)
  await cluster.phase('Succeeded')

  await t.test('another learning rate skips Prepare', async t => {
    await cluster.submit({ training: { learningRate: 0.001 } })
    for (const stage of ['train', 'evaluate', 'publish'] as const)
      await cluster.kubelet.succeeds(2, stage, { digest: `second-digest-of-${stage}` })
    const { status } = await cluster.until(
      job => job.status?.run === 2 && job.status.phase === 'Succeeded',
      'run 2 has not succeeded',
    )
    t.strictSame(await states(2), ['Skipped', 'Succeeded', 'Succeeded', 'Succeeded'])
    t.equal((await stagesOf(2))[0]?.fromRun, 1)
    t.equal(status?.dataset?.trainExamples, 540, 'and knows the figures of its data')
    t.strictSame(await cluster.kubelet.podsOf(2, 'prepare'), [])
  })

  await t.test('the first spec again is published already', async t => {
    await cluster.submit({ training: { learningRate: 0.0002 } })
    const { status } = await cluster.until(
      job => job.status?.run === 3 && job.status.phase === 'Succeeded',
      'run 3 has not succeeded',
    )
    t.strictSame(await states(3), ['Skipped', 'Skipped', 'Skipped', 'Skipped'])
    t.strictSame(status?.artifacts, status?.runs?.[0]?.artifacts)
    t.equal(status?.evaluation?.score, 0.9)
    const target = [`itj/${cluster.name}`, '-n', cluster.namespace, '--timeout=60s']
    await t.resolves(kubectl(['wait', '--for=condition=Ready', ...target]))
    for (const stage of STAGES) t.strictSame(await cluster.kubelet.podsOf(3, stage), [])
    await cluster.event('ArtifactsReused')
    const events = await cluster.events()
    t.equal(events.filter(({ reason }) => reason === 'StageSkipped').length, 1)
    t.equal(events.filter(({ reason }) => reason === 'RunStarted').length, 2)
    t.match(
      events.find(({ reason }) => reason === 'ArtifactsReused'),
      { message: /^run 3: run 1 has published the same spec/ },
    )
  })

  await t.test('attune diff compares it by the run whose artifacts it took over', async t => {
    const { kubeconfig } = await controlPlane()
    const diff = (...args: readonly string[]) =>
      attune(['diff', ...args, '-n', cluster.namespace, '--kubeconfig', kubeconfig]).ended
    const changed = await diff(cluster.name, 'run-2', 'run-3')
    t.equal(changed.stderr, '')
    t.match(changed.stdout, /^run-2 → run-3 of /)
    t.match(changed.stdout, /training\.learningRate +0\.001 +0\.0002/)
    t.match(changed.stdout, /score +0\.900 +0\.900/)
    t.match((await diff(cluster.name, '1', '3')).stdout, 'base model and data are the same')
    const missing = await diff(cluster.name, '1', '9')
    t.equal(missing.code, 1)
    t.match(missing.stderr, 'run-9 is not in status.runs (there: run-1, run-2, run-3)')
    t.match(
      (await diff('other', '1', '2')).stderr,
      'InstructionTuningJob other is not in namespace',
    )
  })

  await t.test('the annotation attune.dev/rerun publishes the same spec once more', async t => {
    const annotate = () =>
      kubectl(['annotate', '--overwrite', `itj/${cluster.name}`, '-n', cluster.namespace, RERUN])
    await annotate()
    await cluster.kubelet.succeeds(4, 'publish')
    const { status } = await cluster.until(
      job => job.status?.run === 4 && job.status.phase === 'Succeeded',
      'run 4 has not succeeded',
    )
    t.strictSame(await states(4), ['Skipped', 'Skipped', 'Skipped', 'Succeeded'])
    t.equal(status?.runs?.at(-1)?.rerun, 'now')
    await annotate()
  })

  await t.test('once for one value, and a scheduling field changes no run', async t => {
    await cluster.submit({ training: { learningRate: 0.0002 }, retry: { limit: 5 } })
    const { status } = await cluster.until(
      ({ metadata, status }) => status?.observedGeneration === metadata.generation,
      'the change is not observed',
    )
    t.equal(status?.run, 4)
    t.equal(status?.phase, 'Succeeded')
  })

  await t.test(
    'history keeps as many runs as asked for, and what belongs to the rest goes',
    async t => {
      await cluster.submit({ training: { learningRate: 0.0002 }, runHistoryLimit: 1 })
      const { status } = await cluster.until(
        job => job.status?.runs?.length === 1,
        'history is not cut',
      )
      t.equal(status?.runs?.[0]?.number, 4)
      t.strictSame(await cluster.names('configmaps'), ['configmap/home-4'])
      t.strictSame(await cluster.names('jobs'), ['job.batch/home-4-publish'])
    },
  )
})

t.test('a change while a stage runs stops its pod', async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit({ training: { seed: 1 } })
  await cluster.kubelet.succeeds(1, 'prepare')
  const pod = await cluster.kubelet.starts(1, 'train')
  await cluster.phase('Training')
  await cluster.submit({ training: { seed: 2 } })
  await cluster.kubelet.starts(2, 'train')
  t.strictSame(
    (await cluster.kubelet.podsOf(1, 'train')).filter(
      ({ metadata }) => metadata.uid === pod.metadata.uid,
    ),
    [],
  )
  const { status } = await cluster.until(
    job => job.status?.run === 2 && job.status.phase === 'Training',
    'run 2 does not train',
  )
  t.match(status?.runs, [
    { phase: 'Superseded', stages: [{}, { state: 'Stopped' }] },
    { phase: 'Training', stages: [{ state: 'Skipped' }] },
  ])
})

t.test('artifacts whose volume claim was deleted are published anew', async t => {
  const cluster = await tuningCluster(t)
  const first = await makeOutputClaim(cluster)
  const claims = await mirrored(t, cluster.client, Claims, cluster.namespace)
  await cluster.operator()
  await cluster.submit({ training: { seed: 1 } })
  for (const stage of STAGES) await cluster.kubelet.succeeds(1, stage)
  const published = await cluster.phase('Succeeded')
  t.equal(published.status?.runs?.[0]?.outputClaim, first)
  await cluster.submit({ training: { seed: 2 } })
  await cluster.kubelet.starts(2, 'train')

  await kubectl(['delete', 'pvc', 'models', '-n', cluster.namespace, '--timeout=120s'])
  const second = await makeOutputClaim(cluster)
  await claims.until(all => all.some(({ metadata }) => metadata.uid === second))
  await cluster.submit({ training: { seed: 1 } })
  await cluster.kubelet.succeeds(3, 'publish')
  const { status } = await cluster.until(
    job => job.status?.run === 3 && job.status.phase === 'Succeeded',
    'run 3 has not succeeded',
  )
  const run = status?.runs?.at(-1)
  t.strictSame(
    run?.stages.map(({ state }) => state),
    ['Skipped', 'Skipped', 'Skipped', 'Succeeded'],
  )
  t.equal(run?.outputClaim, second)
  t.match(await cluster.event('ArtifactsLost'), {
    message: /^run 3: run 1 has published the same spec, but volume claim models is not the one/,
  })
})
