import t from 'tap'
import type { Plan, Stage } from '@attune/crds/stage.ts'
import type { InstructionTuningJob, Pod } from '../../operator/src/job/kinds.ts'
import { Pods } from '../../operator/src/job/kinds.ts'
import { bindPod } from '../fixtures/cluster/bind-pod.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { brokenFluxRules } from '../fixtures/operator/flux-rules.ts'
import { aResult } from '../fixtures/operator/tuning-job.ts'
import { type TuningCluster, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

// Each has a namespace and an operator of its own, and mostly waits.
t.jobs = 4
const TOGETHER = { buffered: true }

const ago = (seconds: number) =>
  `${new Date(Date.now() - seconds * 1000).toISOString().slice(0, 19)}Z`
const placed = (status: 'True' | 'False', message?: string) => ({
  type: 'PodScheduled',
  status,
  reason: status === 'True' ? 'Scheduled' : 'Unschedulable',
  lastTransitionTime: ago(60),
  ...(message ? { message } : {}),
})

/** What the kubelet says of a container that it cannot start. */
const waiting = (reason: string, message: string) => ({
  phase: 'Pending',
  startTime: ago(60),
  conditions: [placed('True')],
  containerStatuses: [
    {
      name: 'trainer',
      image: 'attune/trainer:test',
      imageID: '',
      ready: false,
      restartCount: 0,
      state: { waiting: { reason, message } },
    },
  ],
})

const says = async (cluster: TuningCluster, status: object, stage: Stage = 'prepare') => {
  const pod = await cluster.kubelet.pod(1, stage)
  const { name } = pod.metadata
  const { client, namespace } = cluster
  await client.patch(Pods, { name, namespace }, { status }, { subresource: 'status' })
  return pod
}

const conditionOf = ({ status }: InstructionTuningJob, type: string) =>
  status?.conditions?.find(condition => condition.type === type)

const untilReason = (cluster: TuningCluster, reason: string) =>
  cluster.until(
    job => conditionOf(job, 'Reconciling')?.reason === reason,
    `Reconciling has not the reason ${reason}`,
  )

/** The deadline of Prepare's Job is over, however long it took to get so far. */
const isOver = ({ namespace }: TuningCluster) =>
  kubectl([
    ...['patch', 'job', 'home-1-prepare', '-n', namespace, '--type=merge'],
    ...['-p', JSON.stringify({ spec: { activeDeadlineSeconds: 1 } })],
  ])

/** As the kubelet does: one Event, counted up. */
const warn = async (pod: Pod, reason: string, message: string) => {
  const { name, namespace, uid } = pod.metadata
  const event = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { generateName: `${name}.`, namespace },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid },
    type: 'Warning',
    reason,
    message,
    count: 1,
    firstTimestamp: ago(1),
    lastTimestamp: ago(0),
    source: { component: 'kubelet' },
  }
  await kubectl(['create', '-f', '-'], JSON.stringify(event))
}

type Case = {
  readonly status: object
  readonly warning?: readonly [reason: string, message: string]
  readonly reason: string
  readonly message: RegExp
}

const NOT_THERE = 'MountVolume.SetUp failed for volume "claim-0": path /srv/data does not exist'

const CASES: Readonly<Record<string, Case>> = {
  'an image that cannot be pulled': {
    status: waiting('ImagePullBackOff', 'Back-off pulling image "attune/trainer:test"'),
    reason: 'ImagePullBackOff',
    message: /ImagePullBackOff: Back-off pulling image "attune\/trainer:test"/,
  },
  'a Secret that is missing': {
    status: waiting('CreateContainerConfigError', 'secret "hf-token" not found'),
    reason: 'CreateContainerError',
    message: /secret "hf-token" not found/,
  },
  'a volume that cannot be mounted': {
    status: waiting('ContainerCreating', ''),
    warning: ['FailedMount', NOT_THERE],
    reason: 'FailedMount',
    message: /FailedMount: MountVolume.SetUp failed for volume "claim-0": path \/srv\/data/,
  },
  'a pod that no node takes': {
    status: {
      phase: 'Pending',
      conditions: [placed('False', '0/1 nodes are available: 1 Insufficient nvidia.com/gpu.')],
    },
    reason: 'Unschedulable',
    message: /1 Insufficient nvidia.com\/gpu/,
  },
}

for (const [name, { status, warning, reason, message }] of Object.entries(CASES)) {
  t.test(`${name} is named in condition and Event while the run goes on`, TOGETHER, async t => {
    const cluster = await tuningCluster(t)
    await cluster.operator()
    await cluster.submit()
    const pod = await says(cluster, status)
    if (warning) await warn(pod, ...warning)
    const job = await untilReason(cluster, reason)
    t.equal(job.status?.phase, 'Preparing')
    t.match(conditionOf(job, 'Reconciling'), { status: 'True', message })
    t.match(conditionOf(job, 'Ready'), { status: 'False', reason, message })
    t.strictSame(brokenFluxRules(job), [])
    await cluster.event(reason, message)

    await cluster.kubelet.succeeds(1, 'prepare')
    const after = await cluster.phase('Training')
    t.equal(conditionOf(after, 'Reconciling')?.reason, 'Training', 'and forgotten after it')
    const told = (await cluster.events()).filter(event => event.reason === reason)
    t.equal(told.length, 1)
  })
}

t.test('what is waited for until the deadline is in the failure', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit()
  await says(cluster, waiting('ErrImagePull', 'attune/trainer:test: not found'))
  await untilReason(cluster, 'ImagePullBackOff')
  await isOver(cluster)
  const job = await cluster.phase('Failed')
  const failure = {
    reason: 'DeadlineExceeded',
    message:
      /retry\.deadlineSeconds; it waited: pod .*ErrImagePull: attune\/trainer:test: not found/,
  }
  t.match(job.status?.runs?.[0], failure)
  t.match(conditionOf(job, 'Stalled'), { status: 'True', ...failure })
  await eventually(async () => {
    const pods = await cluster.names('pods')
    if (pods.length > 0) throw new Error(`left: ${pods.join(', ')}`)
  })
  await cluster.event('DeadlineExceeded')
})

t.test('also where the kubelet says as it goes that the pod was killed', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  const { client, namespace } = cluster
  await cluster.operator()
  await cluster.submit()
  const { name } = (await cluster.kubelet.pod(1, 'prepare')).metadata
  await bindPod(namespace, name)
  const pod = await says(cluster, waiting('ImagePullBackOff', 'Back-off pulling image'))
  await untilReason(cluster, 'ImagePullBackOff')
  await isOver(cluster)
  await eventually(async () => {
    const { metadata } = await client.get(Pods, { name, namespace })
    if (!metadata.deletionTimestamp) throw new Error(`pod ${name} is not being deleted`)
  })
  await cluster.kubelet.ends(pod, 137, undefined, 'ContainerStatusUnknown')
  await kubectl(['delete', 'pod', name, '-n', namespace, '--grace-period=0', '--force'])
  const job = await cluster.phase('Failed')
  t.match(job.status?.runs?.[0], {
    reason: 'DeadlineExceeded',
    message: /it waited: pod .*ImagePullBackOff: Back-off pulling image/,
  })
})

t.test('a Job that may make no pod says why, in the words of Kubernetes', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  const metadata = { name: 'none', namespace: cluster.namespace }
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard: { pods: '0' } } }
  await kubectl(['create', '-f', '-'], JSON.stringify(quota))
  await kubectl([
    ...['wait', '--for=jsonpath={.status.hard.pods}=0', 'resourcequota/none'],
    ...['-n', cluster.namespace, '--timeout=120s'],
  ])
  await cluster.submit()
  const job = await cluster.until(
    now => /exceeded quota: none/.test(conditionOf(now, 'Reconciling')?.message ?? ''),
    'the quota is not named',
  )
  t.match(conditionOf(job, 'Reconciling'), { reason: 'Waiting', message: /Job home-1-prepare/ })
})

t.test('an estimate over the memory limit is a warning, and training starts', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit({ resources: { limits: { memory: '4Gi' } } })
  const plan = {
    modelParameters: 134_515_008,
    trainableParameters: 4_884_480,
    totalSteps: 40,
    tokensPerStep: 8_192,
    microBatchSize: 8,
    recompute: true,
    estimatedMemoryBytes: 9.5 * 2 ** 30,
    estimatedSeconds: 400,
    fits: false,
  }
  await cluster.kubelet.succeeds(1, 'prepare', { plan })
  const { status } = await cluster.phase('Training')
  t.match(status?.plan, { fits: false, microBatchSize: 8 })
  await cluster.event('PlanExceedsMemory', /9\.5 GiB for 8 rows at once, over .*memory 4Gi/)
  const pod = await cluster.kubelet.starts(1, 'train')
  await cluster.kubelet.ends(pod, 137, undefined, 'OOMKilled')
  await cluster.event('MicroBatchHalved')
  const next = (await cluster.kubelet.pod(1, 'train')) as Pod & {
    spec: { containers: readonly { readonly args: readonly string[] }[] }
  }
  t.strictSame(next.spec.containers[0]?.args.slice(-2), ['--micro-batch-halvings', '1'])
})

t.test("an estimate over the accelerator's memory is a warning, too", TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit({
    resources: { limits: { memory: '64Gi' }, accelerator: { memory: '8Gi' } },
  })
  const plan: Plan = {
    modelParameters: 134_515_008,
    trainableParameters: 4_884_480,
    totalSteps: 40,
    tokensPerStep: 8_192,
    microBatchSize: 8,
    recompute: true,
    estimatedMemoryBytes: 9.5 * 2 ** 30,
    estimatedSeconds: 400,
    fits: false,
    memoryLimit: 'Accelerator',
  }
  await cluster.kubelet.succeeds(1, 'prepare', { plan })
  const { status } = await cluster.phase('Training')
  t.match(status?.plan, { fits: false, memoryLimit: 'Accelerator' })
  await cluster.event(
    'PlanExceedsMemory',
    /9\.5 GiB for 8 rows at once, over resources\.accelerator\.memory 8Gi/,
  )
  const pod = await cluster.kubelet.starts(1, 'train')
  const result = { ...aResult('train'), outcome: 'Failed', reason: 'OutOfMemory' }
  await cluster.kubelet.ends(pod, 79, JSON.stringify(result))
  await cluster.event('MicroBatchHalved')
})

t.test('an accelerator of no memory is refused', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  for (const memory of ['0', '0Gi', '-1Gi', 0])
    await t.rejects(
      cluster.submit({ resources: { accelerator: { memory } } }),
      /resources\.accelerator\.memory.*must be more than zero/,
      `${memory}`,
    )
})
