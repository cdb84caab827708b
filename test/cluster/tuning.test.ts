import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { startCluster } from './node.ts'
import { repositoryFolder } from './paths.ts'
import { installChart } from './tuning/helm.ts'
import { folderOf, provideInputs } from './tuning/inputs.ts'
import { jobView } from './tuning/job-view.ts'
import { watchPodEnd } from './tuning/pod-end.ts'
import { startPrometheus } from './tuning/prometheus.ts'

const NAMESPACE = 'team-a'
const JOB = 'home-automation'
const MANIFEST = join(repositoryFolder, 'examples', 'home-automation', 'job-cluster.yaml')

/** Pods of this namespace are refused unless they keep to the restricted profile. */
const tenant = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
}

t.test('a job on a cluster, from apply to nothing left', { timeout: 1_800_000 }, async t => {
  const cluster = await startCluster({ images: ['operator', 'trainer'] })
  t.teardown(() => cluster.stop())
  const kubectl = (...args: string[]) => cluster.kubectl([...args, '-n', NAMESPACE])
  await cluster.kubectl(['create', '-f', '-'], JSON.stringify(tenant))
  await installChart(cluster)
  await provideInputs(cluster, NAMESPACE)
  const prometheus = await startPrometheus(cluster)
  t.teardown(() => prometheus.stop())
  const job = jobView(cluster, NAMESPACE, JOB)
  const measured = (expression: string) =>
    eventually(async () => {
      const [sample] = await prometheus.query(expression)
      if (!sample) throw new Error(`no sample of ${expression}`)
      return Number(sample.value[1])
    })

  await t.test('a killed train pod goes on from its checkpoint', async t => {
    await kubectl('apply', '-f', MANIFEST)
    await job.until(
      'training is under way',
      now => now.phase === 'Training' && (now.training?.step ?? 0) >= 4,
    )
    t.ok((await measured('attune_training_loss')) > 0, 'Prometheus has the loss from the trainer')
    t.equal(
      await measured(`attune_jobs{namespace="${NAMESPACE}",phase="Training"}`),
      1,
      'and the phase from the operator',
    )
    const [killed = ''] = await job.pods('train')
    await kubectl('delete', 'pod', killed, '--grace-period=0', '--force')
    const next = await eventually(
      async () => {
        const other = (await job.pods('train')).find(name => name !== killed)
        if (!other) throw new Error('no new pod')
        return other
      },
      { timeoutMs: 120_000 },
    )
    const said = await eventually(
      async () => {
        const log = await kubectl('logs', next)
        if (!log.includes('checkpoint')) throw new Error(`pod ${next} has said: ${log}`)
        return log
      },
      { timeoutMs: 120_000 },
    )
    t.match(said, /"step":[4-9]\d*,.*"msg":"resumed from a checkpoint"/)
  })

  await t.test('it gets Ready with its adapter on the volume', async t => {
    await job.until('published', ({ phase }) => phase === 'Succeeded')
    await kubectl('wait', '--for=condition=Ready', `itj/${JOB}`, '--timeout=60s')
    const table = await kubectl('get', 'itj')
    t.match(table, /NAME\s+PHASE\s+STEP\s+LOSS\s+SCORE\s+MODEL\s+AGE/)
    t.match(table, /home-automation\s+Succeeded\s+12\/12\s+[\d.]+/)
    t.comment(table)
    const pods = await kubectl(
      'get',
      'pods',
      '-l',
      `attune.dev/job=${JOB}`,
      '-o',
      'jsonpath={range .items[*]}{.metadata.labels.attune\\.dev/stage} {.status.phase}{"\\n"}{end}',
    )
    for (const stage of ['prepare', 'train', 'evaluate', 'publish'])
      t.match(pods, new RegExp(`^${stage} Succeeded$`, 'm'))
    const published = join(
      await folderOf(cluster, NAMESPACE, 'outputs'),
      'home-automation',
      'run-1',
    )
    for (const name of [
      'adapter/adapter_model.safetensors',
      'adapter/adapter_config.json',
      'metrics.json',
      'metrics.jsonl',
      'report.html',
      'provenance.json',
    ]) {
      t.ok(existsSync(join(published, name)), name)
    }
    const { training } = JSON.parse(readFileSync(join(published, 'metrics.json'), 'utf8')) as {
      training: { steps: number }
    }
    t.equal(training.steps, 12)
  })

  await t.test('another learning rate is run 2, which takes over what Prepare made', async t => {
    await job.patch({ training: { learningRate: 5e-4 } })
    const now = await job.until(
      'run 2 trains',
      status => status.run === 2 && status.phase === 'Training',
    )
    const prepare = now.runs
      ?.find(({ number }) => number === 2)
      ?.stages?.find(({ name }) => name === 'prepare')
    t.match(prepare, { state: 'Skipped' })
    t.strictSame(
      (
        await kubectl(
          'get',
          'jobs',
          '-l',
          'attune.dev/run=2',
          '-o',
          'jsonpath={.items[*].metadata.labels.attune\\.dev/stage}',
        )
      ).split(' '),
      ['train'],
    )
  })

  await t.test('suspend frees the pod, and resume goes on', async t => {
    await job.until('run 2 has taken steps', status => (status.training?.step ?? 0) >= 3)
    const runs = await kubectl(
      'get',
      'pods',
      '-l',
      'attune.dev/run=2,attune.dev/stage=train',
      '--field-selector=status.phase=Running',
      '-o',
      'jsonpath={.items[*].metadata.name}',
    )
    const [train = '', ...others] = runs.split(' ')
    t.match(train, /./, 'a pod trains')
    t.strictSame(others, [])
    const podEnd = watchPodEnd(cluster, NAMESPACE, train)
    await job.patch({ suspend: true })
    await job.until('suspended', status => status.phase === 'Suspended')
    // it has ended by then; the garbage collector takes the object a moment later
    await eventually(async () => {
      const left = await kubectl('get', 'pods', '-l', 'attune.dev/run=2', '-o', 'name')
      if (left !== '') throw new Error(`left of run 2: ${left}`)
    })
    await job.patch({ suspend: false })
    const resumed = await eventually(
      async () => {
        const said = await kubectl(
          'logs',
          '-l',
          'attune.dev/run=2,attune.dev/stage=train',
          '--tail=-1',
        )
        if (!said.includes('starting') && !said.includes('resumed'))
          throw new Error(`train says: ${said}`)
        return said
      },
      { timeoutMs: 120_000 },
    )
    t.match(resumed, /"step":[1-9]\d*,.*"msg":"resumed from a checkpoint"/)
    await job.until('succeeded again', status => status.phase === 'Succeeded' && status.run === 2)
    t.ok(
      existsSync(
        join(
          await folderOf(cluster, NAMESPACE, 'outputs'),
          'home-automation',
          'run-2',
          'report.html',
        ),
      ),
    )
    // the watch goes on for longer than the pod
    const { exitCode, seconds, gracePeriodSeconds } = await podEnd()
    t.equal(exitCode, 75, 'it saved its checkpoint and was not killed')
    t.ok(
      seconds < gracePeriodSeconds,
      `it ended within its grace period: after ${seconds} s of ${gracePeriodSeconds} s`,
    )
  })

  await t.test('deleting the job leaves nothing of it', async t => {
    await kubectl('delete', 'itj', JOB)
    await eventually(
      async () => {
        const left = await kubectl(
          'get',
          'jobs,pods,configmaps,pvc',
          '-l',
          `attune.dev/job=${JOB}`,
          '-o',
          'name',
        )
        if (left !== '') throw new Error(`left: ${left}`)
      },
      // the garbage collector learns of a new kind of owner at most every 30 s
      { timeoutMs: 180_000 },
    )
    t.match(await kubectl('get', 'pvc', '-o', 'name'), /outputs/, 'what the tenant made stays')
  })
})
