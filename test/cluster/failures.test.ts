import { globSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { startTenant, type Tenant } from './failures/tenant.ts'
import { type Cluster, startCluster } from './node.ts'
import { nodeName } from './node/addresses.ts'
import { repositoryFolder } from './paths.ts'
import { folderOf } from './tuning/inputs.ts'
import type { JobStatus, jobView } from './tuning/job-view.ts'

type Job = ReturnType<typeof jobView>

/** No registry answers there. */
const NO_IMAGE = '127.0.0.1:1/attune-trainer:none'
const MINUTES_10 = { timeout: 600_000 }
/** Rows that mostly wait, side by side. */
const TOGETHER = { ...MINUTES_10, buffered: true }

const installKinds = async ({ kubectl }: Cluster) => {
  const files = globSync('crds/*.yaml', { cwd: repositoryFolder }).flatMap(file => [
    '-f',
    join(repositoryFolder, file),
  ])
  await kubectl(['apply', '--server-side', ...files])
  await kubectl(['wait', '--for=condition=Established', '--timeout=60s', ...files])
}

const reconciling = ({ conditions = [] }: JobStatus) =>
  conditions.find(({ type }) => type === 'Reconciling')
const stageOf = ({ runs = [] }: JobStatus, name: string) =>
  runs[0]?.stages?.find(stage => stage.name === name) as
    | { readonly attempts?: number; readonly retries?: number; readonly memoryKills?: number }
    | undefined
const failure = ({ runs = [] }: JobStatus) =>
  runs[0] as { readonly reason?: string; readonly message?: string } | undefined

const eventsOf = async ({ kubectl }: Tenant, name: string): Promise<readonly string[]> => {
  const field = `--field-selector=involvedObject.name=${name},involvedObject.kind=InstructionTuningJob`
  const path = 'jsonpath={range .items[*]}{.reason}: {.message}{"\\n"}{end}'
  return (await kubectl('get', 'events', field, '-o', path)).split('\n')
}

const untilEvent = (tenant: Tenant, name: string, said: RegExp) =>
  eventually(async () => {
    const events = await eventsOf(tenant, name)
    if (!events.some(event => said.test(event))) throw new Error(`Events: ${events.join('\n')}`)
  })

const untilStep = (job: Job, step: number) =>
  job.until(`step ${step} is taken`, now => (now.training?.step ?? 0) >= step)

/** Waits for the pod that follows another, and for its word that it goes on from a checkpoint. */
const resumes = (tenant: Tenant, job: Job, gone: string) =>
  eventually(
    async () => {
      const next = (await job.pods('train')).find(name => name !== gone)
      if (!next) throw new Error(`no pod after ${gone}`)
      const log = await tenant.kubectl('logs', next)
      if (!log.includes('resumed from a checkpoint')) throw new Error(`${next} has said: ${log}`)
      return next
    },
    { timeoutMs: 240_000, everyMs: 1_000 },
  )

t.test('what only a kubelet can do to a job', { timeout: 1_800_000 }, async t => {
  const cluster = await startCluster({ images: ['trainer'] })
  t.teardown(() => cluster.stop())
  await installKinds(cluster)
  const tenant = await startTenant(t, cluster, 'failures')

  t.jobs = 3
  const unpulled = t.test(
    'an image that cannot be pulled is named, until the deadline',
    TOGETHER,
    async t => {
      const other = await startTenant(t, cluster, 'no-image', NO_IMAGE)
      const job = await other.submit('no-image', { retry: { limit: 0, deadlineSeconds: 60 } })
      const now = await job.until(
        'the image is named',
        status => reconciling(status)?.reason === 'ImagePullBackOff',
      )
      t.equal(now.phase, 'Preparing')
      t.match(reconciling(now)?.message, NO_IMAGE)
      const ended = await job.until('failed', status => status.phase === 'Failed')
      t.match(failure(ended), { reason: 'DeadlineExceeded', message: /it waited: pod .*ImagePull/ })
      await untilEvent(other, 'no-image', /^ImagePullBackOff: pod/)
    },
  )

  const unmounted = t.test(
    'a volume that cannot be mounted is named, in the words of the kubelet',
    TOGETHER,
    async t => {
      const volume = {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: 'nowhere' },
        spec: {
          capacity: { storage: '1Mi' },
          accessModes: ['ReadWriteOnce'],
          persistentVolumeReclaimPolicy: 'Retain',
          storageClassName: 'none',
          hostPath: { path: join(cluster.record.folder, 'not-there'), type: 'Directory' },
        },
      }
      const claim = {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'nowhere', namespace: tenant.namespace },
        spec: {
          accessModes: ['ReadWriteOnce'],
          storageClassName: 'none',
          volumeName: 'nowhere',
          resources: { requests: { storage: '1Mi' } },
        },
      }
      const items = [volume, claim]
      const list = { apiVersion: 'v1', kind: 'List', items }
      await cluster.kubectl(['create', '-f', '-'], JSON.stringify(list))
      const job = await tenant.submit('no-volume', {
        dataset: { sources: [{ uri: 'pvc://nowhere/pairs.jsonl' }] },
      })
      const now = await job.until(
        'the volume is named',
        status => reconciling(status)?.reason === 'FailedMount',
      )
      t.match(reconciling(now)?.message, /MountVolume.SetUp failed for volume "nowhere"/)
      await untilEvent(tenant, 'no-volume', /^FailedMount: pod/)
      await tenant.kubectl('delete', 'itj', 'no-volume')
    },
  )

  const killed = t.test(
    'killed for memory, training goes on with half the micro-batch',
    TOGETHER,
    async t => {
      const job = await tenant.submit('memory', {
        training: {
          maxSteps: 2,
          batchSize: 64,
          microBatchSize: 64,
          sequenceLength: 512,
          packing: false,
          gradientCheckpointing: 'Disabled',
          checkpoint: { everySteps: 1, keep: 2 },
        },
        resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '640Mi' } },
        retry: { limit: 6 },
      })
      const now = await job.until(
        'it ends',
        ({ phase }) => phase === 'Succeeded' || phase === 'Failed',
      )
      t.match(failure(now), { phase: 'Succeeded' })
      const { memoryKills = 0, retries } = stageOf(now, 'train') ?? {}
      t.ok(memoryKills >= 1, `killed ${memoryKills} times`)
      t.equal(retries, memoryKills)
      await untilEvent(tenant, 'memory', /^PlanExceedsMemory: .* for 64 rows at once/)
      await untilEvent(tenant, 'memory', /^OutOfMemory: /)
      await untilEvent(tenant, 'memory', /^MicroBatchHalved: /)
      await tenant.kubectl('delete', 'itj', 'memory')
    },
  )

  await Promise.all([unpulled, unmounted, killed])

  await t.test(
    'evicted, training goes on from its checkpoint and no retry is counted',
    MINUTES_10,
    async t => {
      const job = await tenant.submit('moved')
      await untilStep(job, 6)
      const [pod = ''] = await job.pods('train')
      const metadata = { name: pod, namespace: tenant.namespace }
      await cluster.kubectl(
        [
          'create',
          '--raw',
          `/api/v1/namespaces/${tenant.namespace}/pods/${pod}/eviction`,
          '-f',
          '-',
        ],
        JSON.stringify({ apiVersion: 'policy/v1', kind: 'Eviction', metadata }),
      )
      await resumes(tenant, job, pod)
      const now = await job.until(
        'a second attempt',
        status => stageOf(status, 'train')?.attempts === 2,
      )
      t.equal(now.phase, 'Training')
      t.notOk(stageOf(now, 'train')?.retries)

      await t.test('and so it does when its node is gone', MINUTES_10, async t => {
        const [current = ''] = await job.pods('train')
        await cluster.kubelet.stop()
        await cluster.containerd.killPod(tenant.namespace, current)
        await cluster.kubectl(['delete', 'node', nodeName])
        // Kubernetes collects the pods of a node that has been gone for 40 s
        await eventually(
          async () => {
            if ((await job.pods('train')).includes(current)) throw new Error(`${current} is there`)
          },
          { timeoutMs: 180_000, everyMs: 1_000 },
        )
        await cluster.kubelet.start()
        await resumes(tenant, job, current)
        const later = await job.until(
          'a third attempt',
          status => stageOf(status, 'train')?.attempts === 3,
        )
        t.equal(later.phase, 'Training')
        t.notOk(stageOf(later, 'train')?.retries, 'retry.limit is 0')
      })
      await tenant.kubectl('delete', 'itj', 'moved')
    },
  )

  await t.test(
    'longer than its deadline, training ends with its checkpoint kept',
    MINUTES_10,
    async t => {
      const job = await tenant.submit('late', { retry: { limit: 0, deadlineSeconds: 45 } })
      const now = await job.until('failed', ({ phase }) => phase === 'Failed')
      t.match(failure(now), { reason: 'DeadlineExceeded', message: /stage train ran longer than/ })
      t.ok((now.training?.step ?? 0) > 5)
      const workspace = await folderOf(cluster, tenant.namespace, 'late-workspace')
      const kept = (await readdir(workspace, { recursive: true })).join('\n')
      t.match(kept, /^train\/.*checkpoint\.json$/m)
      await untilEvent(tenant, 'late', /^DeadlineExceeded: /)
    },
  )
})
