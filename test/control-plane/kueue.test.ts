import t from 'tap'
import { QUEUE_LABEL } from '@attune/crds/queue-labels.ts'
import { EXIT } from '@attune/crds/stage.ts'
import { type Pod, Pods, type StageJob, StageJobs } from '../../operator/src/job/kinds.ts'
import { bindPod } from '../fixtures/cluster/bind-pod.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { checkHistory, untilSeen } from '../fixtures/gitops/check-history.ts'
import { recordingLog } from '../fixtures/kube/recording-log.ts'
import { installKueue, removeKueue } from '../fixtures/kueue/install-kueue.ts'
import { FLAVOR, type Kueue, playKueue } from '../fixtures/kueue/play-kueue.ts'
import { datasetCluster } from '../fixtures/operator/dataset-cluster.ts'
import { brokenFluxRules } from '../fixtures/operator/flux-rules.ts'
import { type TuningCluster, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

const QUEUE = { queueName: 'team-a', priorityClassName: 'high' }

type TearingDown = { teardown(work: () => Promise<void>): void }

const withKueue = async (t: TearingDown) => {
  t.teardown(removeKueue)
  await installKueue()
}

const untilReason = (cluster: TuningCluster, type: string, reason: string) =>
  cluster.until(
    ({ status }) =>
      status?.conditions?.some(one => one.type === type && one.reason === reason) === true,
    `${type} has not the reason ${reason}`,
  )

const conditionOf = ({ status }: Awaited<ReturnType<TuningCluster['get']>>, type: string) =>
  status?.conditions?.find(condition => condition.type === type)

/** The kubelet lets the pod end and go. */
const goes = async (cluster: TuningCluster, pod: Pod, exitCode: number) => {
  const { name } = pod.metadata
  const { namespace } = cluster
  await eventually(async () => {
    const { metadata } = await cluster.client.get(Pods, { name, namespace })
    if (!metadata.deletionTimestamp) throw new Error(`pod ${name} is not being deleted`)
  })
  await cluster.kubelet.ends(pod, exitCode)
  await kubectl(['delete', 'pod', name, '-n', namespace, '--grace-period=0', '--force'])
}

const inQueue = async (kueue: Kueue, name: string, queue: string) => {
  const { labels } = (await kueue.job(name)).metadata
  if (labels?.[QUEUE_LABEL] !== queue) throw new Error(`the Job is in ${labels?.[QUEUE_LABEL]}`)
}

const MADE_WITHIN_MS = 1_000
/** How long after its creation the operator wrote the object, by the server's own book-keeping. */
const writesAfterMs = ({ metadata }: StageJob): readonly number[] => {
  const { managedFields = [], creationTimestamp = '' } = metadata as StageJob['metadata'] & {
    managedFields?: readonly { manager: string; time: string }[]
  }
  return managedFields
    .filter(({ manager }) => manager === 'attune-operator')
    .map(({ time }) => Date.parse(time) - Date.parse(creationTimestamp))
}
/** Both times are cut to seconds, and one may be of the next. */
const isWrittenOnce = (job: StageJob): boolean => {
  const [after, ...more] = writesAfterMs(job)
  return after !== undefined && after <= MADE_WITHIN_MS && more.length === 0
}

t.test('without Kueue', async t => {
  const cluster = await tuningCluster(t)
  const log = recordingLog()
  const operator = await cluster.operator({}, log)
  const kueue = playKueue(cluster.client, cluster.namespace)

  await t.test('a job with a queue waits, and says for what', async t => {
    await cluster.submit(QUEUE)
    const job = await untilReason(cluster, 'QuotaReserved', 'Queued')
    t.equal(job.status?.phase, 'Queued')
    t.match(conditionOf(job, 'Ready')?.message, /Job home-1-prepare waits in queue team-a/)
    t.equal((await kueue.job('home-1-prepare')).spec?.suspend, true)
    t.strictSame(await cluster.kubelet.podsOf(1, 'prepare'), [])
  })

  await t.test('nobody asks for Workloads, and nothing is said of them', async t => {
    const url = `http://127.0.0.1:${operator.metricsPort}/metrics`
    const metrics = await eventually(async () => {
      const text = await (await fetch(url)).text()
      const asked = /requests_total\{.*resource="apis".*\} (\d+)/.exec(text)
      if (Number(asked?.[1] ?? 0) < 3) throw new Error('discovery was not asked three times')
      return text
    })
    t.notMatch(metrics, /resource="workloads"/)
    // other kinds may have something to tell on a control plane that test files share
    const said = log.lines.filter(({ level }) => level !== 'debug')
    t.notMatch(JSON.stringify(said), /workloads/)
  })

  await t.test('its CRD appears: what it says is told, without a restart', async t => {
    await withKueue(t)
    await kueue.queues('home-1-prepare')
    const job = await untilReason(cluster, 'QuotaReserved', 'WaitingForQuota')
    t.equal(conditionOf(job, 'QuotaReserved')?.message, 'insufficient unused quota')
    await kueue.admits('home-1-prepare')
    await untilReason(cluster, 'QuotaReserved', 'Admitted')
    await cluster.kubelet.starts(1, 'prepare')
    await cluster.phase('Preparing')
  })

  await t.test('its CRD goes: what runs goes on', async t => {
    await cluster.until(
      job => conditionOf(job, 'QuotaReserved') === undefined,
      'QuotaReserved is still there',
    )
    await cluster.kubelet.succeeds(1, 'prepare')
    await untilReason(cluster, 'QuotaReserved', 'Queued')
    await cluster.submit()
    await cluster.kubelet.succeeds(1, 'train')
    const { status } = await cluster.phase('Evaluating')
    t.equal(status?.run, 1, 'leaving the queue starts no new run')
  })
})

t.test('a job goes through its queue, is preempted, and resumes', async t => {
  await withKueue(t)
  const cluster = await tuningCluster(t)
  const history = await cluster.history()
  await cluster.operator()
  const kueue = playKueue(cluster.client, cluster.namespace)
  await cluster.submit({ ...QUEUE, retry: { deadlineSeconds: 3600 } })
  const TRAIN = 'home-1-train'
  const admits = async (stage: string) => {
    await eventually(() => kueue.job(`home-1-${stage}`))
    await kueue.admits(`home-1-${stage}`)
  }

  await untilReason(cluster, 'QuotaReserved', 'Queued')
  await admits('prepare')
  await cluster.kubelet.succeeds(1, 'prepare')
  await admits('train')
  const pod = await cluster.kubelet.pod(1, 'train')
  const made = await kueue.job(TRAIN)

  await t.test('the pod is as Kueue wants it', async t => {
    t.match(made.metadata.labels, {
      'kueue.x-k8s.io/queue-name': 'team-a',
      'kueue.x-k8s.io/priority-class': 'high',
      'kueue.x-k8s.io/max-exec-time-seconds': '3600',
    })
    t.match(pod.spec, FLAVOR)
    await bindPod(cluster.namespace, pod.metadata.name)
    await cluster.kubelet.starts(1, 'train')
    await cluster.phase('Training')
    await untilReason(cluster, 'QuotaReserved', 'Admitted')
    const job = await cluster.attempted('train')
    t.match(conditionOf(job, 'QuotaReserved'), { status: 'True' })
  })

  await t.test('preempted, the pod saves its checkpoint and goes', async t => {
    await kueue.preempts(TRAIN)
    const saving = await untilReason(cluster, 'QuotaReserved', 'Preempted')
    t.equal(saving.status?.phase, 'Training')
    await goes(cluster, pod, EXIT.stopped)
    await kueue.requeues(TRAIN)
    const { status } = await cluster.phase('Queued')
    t.strictSame(await cluster.kubelet.podsOf(1, 'train'), [])
    t.equal(status?.runs?.[0]?.stages[1]?.state, 'Running')
    const job = await kueue.job(TRAIN)
    t.equal(job.metadata.uid, made.metadata.uid, 'the Job is still there')
    t.equal(job.spec?.suspend, true)
  })

  await t.test('admitted again, it resumes and succeeds', async t => {
    await kueue.admits(TRAIN)
    await cluster.kubelet.starts(1, 'train')
    await cluster.phase('Training')
    const { metadata, spec } = await kueue.job(TRAIN)
    t.equal(metadata.uid, made.metadata.uid)
    t.equal(spec?.suspend, false)
    t.match((await kueue.template(TRAIN)).spec, FLAVOR)
    await cluster.kubelet.succeeds(1, 'train')
    await admits('evaluate')
    await cluster.kubelet.succeeds(1, 'evaluate')
    await admits('publish')
    await cluster.kubelet.succeeds(1, 'publish')
    const { status } = await cluster.phase('Succeeded')
    const train = status?.runs?.[0]?.stages[1]
    t.equal(train?.attempts, 2)
    t.equal(train?.retries, undefined)
    t.notOk(status?.conditions?.some(({ type }) => type === 'QuotaReserved'))
  })

  await t.test('the operator wrote each Job once, when it made it', async t => {
    const { items } = await cluster.client.list(StageJobs, { namespace: cluster.namespace })
    t.equal(items.length, 4)
    for (const job of items)
      t.ok(isWrittenOnce(job), `${job.metadata.name}: ${writesAfterMs(job).join()} ms`)
  })

  await t.test('Events tell of it, and of no retry', async t => {
    // the last of them
    await cluster.event('Succeeded')
    const reasons = (await cluster.events()).map(({ reason }) => reason)
    for (const reason of ['Queued', 'Admitted', 'Preempted', 'Resumed'])
      t.ok(reasons.includes(reason), reason)
    t.notOk(reasons.includes('Retrying'))
  })

  await t.test('every status on the way keeps the rules of Flux', async t => {
    for (const seen of history.filter(({ status }) => status?.phase))
      t.strictSame(brokenFluxRules(seen), [], `${seen.status?.phase}`)
  })

  await t.test('Flux and Argo CD see each of them as its phase says', async t => {
    await untilSeen(history, 'Succeeded')
    const phases = await checkHistory(t, history)
    for (const phase of ['Queued', 'Training', 'Succeeded'])
      t.ok(phases.has(phase), `${phase} was looked at`)
    const preempted = history.filter(
      job => conditionOf(job, 'QuotaReserved')?.reason === 'Preempted',
    )
    for (const phase of ['Training', 'Queued'])
      t.ok(
        preempted.some(({ status }) => status?.phase === phase),
        `${phase}, preempted, was looked at`,
      )
  })
})

/** A job that waits in its queue. */
const queued = async (t: Parameters<typeof tuningCluster>[0], spec = QUEUE, reason?: string) => {
  await withKueue(t)
  const cluster = await tuningCluster(t)
  await cluster.operator()
  const kueue = playKueue(cluster.client, cluster.namespace)
  await cluster.submit(spec)
  await eventually(() => kueue.queues('home-1-prepare', reason))
  return { cluster, kueue }
}

t.test('a tenant suspends a job that waits', async t => {
  const { cluster, kueue } = await queued(t)
  await cluster.phase('Queued')

  await cluster.submit({ ...QUEUE, suspend: true })
  await cluster.phase('Suspended')
  const left = ['get', 'jobs,workloads', '-n', cluster.namespace, '-o', 'name']
  await eventually(async () => {
    const names = await kubectl(left)
    if (names !== '') throw new Error(`still there: ${names}`)
  })
  await cluster.submit({ ...QUEUE, suspend: false })
  await cluster.phase('Queued')
  t.equal((await kueue.job('home-1-prepare')).spec?.suspend, true)
})

t.test('a job that waits moves to the queue that its spec names', async t => {
  const elsewhere = { ...QUEUE, queueName: 'no-such-queue' }
  const { cluster, kueue } = await queued(t, elsewhere, 'Misconfigured')
  await untilReason(cluster, 'QuotaReserved', 'Misconfigured')

  await cluster.submit(QUEUE)
  await eventually(() => inQueue(kueue, 'home-1-prepare', 'team-a'))
  await kueue.admits('home-1-prepare')
  await cluster.kubelet.starts(1, 'prepare')
  const { status } = await cluster.phase('Preparing')
  t.equal(status?.run, 1)
})

t.test('a stage that had its time ends the run, and nobody can start it again', async t => {
  const { cluster, kueue } = await queued(t)
  await kueue.admits('home-1-prepare')
  await cluster.kubelet.starts(1, 'prepare')
  await kueue.givesUp('home-1-prepare')
  const { status } = await cluster.phase('Failed')
  t.equal(status?.runs?.[0]?.reason, 'DeadlineExceeded')
  await eventually(async () => {
    const names = await cluster.names('jobs')
    if (names.length > 0) throw new Error(`still there: ${names}`)
  })
})

t.test('a dataset waits in the queue of its label, and the jobs on it with it', async t => {
  await withKueue(t)
  const cluster = await datasetCluster(t)
  const history = await cluster.datasetHistory()
  await cluster.operator()
  const kueue = playKueue(cluster.client, cluster.namespace)
  const told = (phase: string, status: string, reason: string) =>
    cluster.until(dataset => {
      const quota = dataset.status?.conditions?.find(({ type }) => type === 'QuotaReserved')
      return dataset.status?.phase === phase && quota?.status === status && quota.reason === reason
    })
  const untilMade = () =>
    eventually(async () => {
      const [name] = await cluster.names('jobs')
      if (!name) throw new Error('the dataset has no Job')
      return name
    })
  await cluster.submit({}, { [QUEUE_LABEL]: 'team-b', 'kueue.x-k8s.io/priority-class': 'high' })
  await cluster.submitJob('one')
  const name = await untilMade()

  await t.test('held, it has no pod', async t => {
    await kueue.queues(name)
    await told('Queued', 'False', 'WaitingForQuota')
    await cluster.event('pairs', 'WaitingForQuota', /insufficient unused quota/)
    await cluster.event('one', 'WaitingForDataset', /pairs/)
    t.strictSame(await cluster.names('pods'), [])
    t.match((await kueue.job(name)).metadata.labels, {
      'kueue.x-k8s.io/priority-class': 'high',
      'kueue.x-k8s.io/max-exec-time-seconds': '86400',
    })
  })

  await t.test('it moves with its label', async () => {
    await cluster.kubectl('label', 'ids', 'pairs', `${QUEUE_LABEL}=team-a`, '--overwrite')
    await eventually(() => inQueue(kueue, name, 'team-a'))
    await told('Queued', 'False', 'Queued')
  })

  await t.test('admitted, its pod is as Kueue wants it', async t => {
    await kueue.admits(name)
    t.match((await cluster.curates()).spec, FLAVOR)
    await told('Preparing', 'True', 'Admitted')
  })

  await t.test('preempted, it waits again', async () => {
    await kueue.preempts(name)
    await kueue.requeues(name)
    await told('Queued', 'False', 'Preempted')
    await eventually(async () => {
      const names = await cluster.names('pods')
      if (names.length > 0) throw new Error(`still there: ${names}`)
    })
  })

  await t.test('admitted again, it is read, and the job starts', async t => {
    await kueue.admits(name)
    await cluster.ends(await cluster.curates())
    const { status } = await cluster.ready()
    t.notOk(status?.conditions?.some(({ type }) => type === 'QuotaReserved'))
    await cluster.untilJob('one', job => job.status?.phase === 'Preparing')
    const job = await cluster.client.get(StageJobs, { name, namespace: cluster.namespace })
    t.ok(isWrittenOnce(job), `written once: ${writesAfterMs(job).join()} ms`)
  })

  await t.test('Flux and Argo CD see every status on the way as its phase says', async t => {
    await untilSeen(history, 'Ready')
    const phases = await checkHistory(t, history)
    for (const phase of ['Queued', 'Preparing', 'Ready'])
      t.ok(phases.has(phase), `${phase} was looked at`)
  })
})
