import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { type Pod, Pods } from '../../operator/src/job/kinds.ts'
import { runningSince } from '../../operator/src/job/pod-state.ts'
import { attune } from '../fixtures/cli/attune.ts'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { mirrored } from '../fixtures/operator/mirrored.ts'
import { tuningCluster } from '../fixtures/operator/tuning-cluster.ts'
import { CONFIG, SPEC } from '../fixtures/operator/tuning-job.ts'

const GPU = 'nvidia.com/gpu'

type Figures = {
  readonly namespace: string
  readonly jobs: number
  readonly runs: number
  readonly acceleratorSeconds: number
  readonly acceleratorSecondsByResource: Readonly<Record<string, number>>
}

const usage = async (...args: readonly string[]) => {
  const { kubeconfig } = await controlPlane()
  const { code, stdout, stderr } = await attune(['usage', '--kubeconfig', kubeconfig, ...args])
    .ended
  if (code !== 0) throw new Error(`attune usage ended with ${code}: ${stderr}`)
  return stdout
}
const figures = async (...args: readonly string[]) =>
  (JSON.parse(await usage('--json', ...args)) as { namespaces: readonly Figures[] }).namespaces

const secondsAgo = (seconds: number) =>
  `${new Date(Date.now() - seconds * 1000).toISOString().slice(0, 19)}Z`

const metricsOf = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    get({ port, path: '/metrics' }, response => resolve(text(response))).on('error', reject)
  })

t.test('accelerator time survives a restart, a retry and a suspension', async t => {
  const cluster = await tuningCluster(t)
  const { namespace } = cluster
  const says = async (pod: Pod, phase: string, state: object) => {
    const container = { name: 'trainer', image: CONFIG.trainerImage, imageID: '' }
    const containerStatuses = [{ ...container, ready: false, restartCount: 0, state }]
    const ref = { name: pod.metadata.name, namespace }
    const status = { phase, containerStatuses }
    await cluster.client.patch(Pods, ref, { status }, { subresource: 'status' })
  }
  const pods = await mirrored(t, cluster.client, Pods, namespace)
  const first = await cluster.operator()
  await cluster.submit({ resources: { accelerator: { count: 2 } } })
  await cluster.kubelet.succeeds(1, 'prepare')
  await cluster.phase('Training')
  const failing = await cluster.kubelet.pod(1, 'train')
  const phases = /^attune_job_phase_seconds_count\{phase="Preparing"\} 1$/m
  // told once the write of status is answered
  await eventually(async () => {
    const metrics = await metricsOf(first.metricsPort)
    if (!phases.test(metrics)) throw new Error(`how long Prepare took is not in ${metrics}`)
  })
  await cluster.stop(first)
  const times = { startedAt: secondsAgo(100), finishedAt: secondsAgo(40) }
  await says(failing, 'Failed', { terminated: { exitCode: 1, ...times } })

  const second = await cluster.operator()
  const used = Math.round((Date.parse(times.finishedAt) - Date.parse(times.startedAt)) / 1000) * 2
  await cluster.until(({ status }) => status?.acceleratorSeconds === used, `not ${used} s`)
  const retried = await cluster.kubelet.pod(1, 'train')
  await says(retried, 'Running', { running: { startedAt: secondsAgo(20) } })
  await pods.until(all => all.some(pod => runningSince(pod) !== undefined))
  // that time alone is written once a minute; a suspension is written at once
  await kubectl(
    ['patch', `itj/${cluster.name}`, '-n', namespace, '--type=merge', '-p'].concat(
      JSON.stringify({ spec: { suspend: true } }),
    ),
  )
  const { status } = await cluster.phase('Suspended')
  const total = status?.acceleratorSeconds ?? 0
  t.ok(total >= used + 38, `${total} s after the suspension`)

  const counter = `attune_accelerator_seconds_total{namespace="${namespace}",resource="${GPU}"}`
  await eventually(async () => {
    const metrics = await metricsOf(second.metricsPort)
    if (!metrics.includes(`${counter} ${total}\n`))
      throw new Error(`the counter has not the ${total} s of status: ${metrics}`)
  })
  t.strictSame(await figures('-n', namespace), [
    {
      namespace,
      jobs: 1,
      runs: 1,
      acceleratorSeconds: total,
      acceleratorSecondsByResource: { [GPU]: total },
    },
  ])
})

t.test('usage of a namespace and of all', async t => {
  const namespaces = [await testNamespace(t), await testNamespace(t)]
  const [one = '', other = ''] = namespaces
  for (const [index, namespace] of namespaces.entries()) {
    const job = {
      apiVersion: 'attune.dev/v1alpha1',
      kind: 'InstructionTuningJob',
      metadata: { name: 'home', namespace },
      spec: { ...SPEC, resources: { accelerator: {} } },
    }
    await kubectl(['create', '-f', '-'], JSON.stringify(job))
    const seconds = 3600 * (index + 1)
    const acceleratorSecondsByResource = { [GPU]: seconds }
    const status = { run: 2, acceleratorSeconds: seconds, acceleratorSecondsByResource }
    const patch = ['--type=merge', '-p', JSON.stringify({ status })]
    await kubectl(['patch', 'itj/home', '-n', namespace, '--subresource=status', ...patch])
  }
  const table = await usage('-n', other)
  t.match(table, new RegExp(`^${other} +1 +2 +nvidia\\.com/gpu +7,200 +2\\.00$`, 'm'))
  t.notMatch(table, one)
  const found = (await figures('-A')).filter(({ namespace }) => namespaces.includes(namespace))
  t.strictSame(
    found.map(({ namespace, acceleratorSeconds }) => [namespace, acceleratorSeconds]),
    [
      [other, 7200],
      [one, 3600],
    ],
    'the heaviest user first',
  )
  t.match(await usage('-n', 'nobody-here'), /^nothing used \(jobs that are there now in namespace/)
})
