import t from 'tap'
import {
  type AcceleratorTime,
  acceleratorTime,
} from '../../../../operator/src/job/accelerator-time.ts'
import type { Pod } from '../../../../operator/src/job/kinds.ts'
import { aPod, aStageJob, at, ended, NOW } from '../../../fixtures/operator/tuning-job.ts'

const GPU = 'nvidia.com/gpu'
const stageJobs = [aStageJob(1, 'train')]

const counted = (before: AcceleratorTime, pods: readonly Pod[], seconds: number) =>
  acceleratorTime(before, { pods, stageJobs }, NOW + seconds * 1000)

const running = (from: number, devices = 1, name = 'a') =>
  aPod(1, 'train', { runningSince: at(from) }, { devices, name })
const over = (from: number, to: number, devices = 1, name = 'a') => {
  const times = { startedAt: at(from), finishedAt: at(to) }
  return aPod(1, 'train', ended(1, '', times), { devices, name })
}
const changed = (
  pod: Pod,
  status: Pod['status'],
  metadata: Partial<Pod['metadata']> = {},
): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, ...metadata },
  status: { ...pod.status, ...status },
})
const conditions = [
  {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByPodGC',
    lastTransitionTime: at(70),
  },
]

t.test('time of a pod times its devices is counted', async t => {
  const never = aPod(1, 'train', undefined, { devices: 4 })
  const foreign = { ...running(0), metadata: { ...running(0).metadata, ownerReferences: [] } }
  const owned = running(0).metadata.ownerReferences?.map(owner => ({ ...owner, controller: false }))
  const notControlled = changed(running(0), {}, { ownerReferences: owned ?? [] })
  const cases: Readonly<Record<string, readonly [readonly Pod[], number | undefined]>> = {
    'no pod': [[], undefined],
    'a pod without a device': [[running(0, 0)], undefined],
    'a pod that never ran': [[never], undefined],
    'a pod that runs': [[running(40, 2)], 120],
    'a pod that ended': [[over(10, 40)], 30],
    'a pod that ended, as a clock ahead of ours says': [[over(10, 400)], 90],
    'two pods at once, the first with fewer devices': [
      [running(0, 1, 'a'), running(60, 8, 'b')],
      100 + 8 * 40,
    ],
    'one pod after the other': [[over(0, 30, 1, 'a'), running(40, 1, 'b')], 30 + 60],
    'a pod that no controller owns': [[foreign], undefined],
    'a pod that a Job of ours owns and does not control': [[notControlled], undefined],
    'a pod that is said to run and has failed': [
      [changed(running(0, 8), { phase: 'Failed', conditions })],
      8 * 70,
    ],
    'the same where nothing says when': [[changed(running(0, 8), { phase: 'Failed' })], undefined],
    'a pod that was to be gone by now': [
      [changed(running(0), {}, { deletionTimestamp: at(30) })],
      30,
    ],
    'a pod that still saves': [[changed(running(0), {}, { deletionTimestamp: at(130) })], 100],
  }
  for (const [name, [pods, seconds]] of Object.entries(cases))
    t.equal(counted({}, pods, 100).acceleratorSeconds, seconds, name)
})

t.test('what was counted is not counted again', async t => {
  const pod = running(0, 2)
  const first = counted({}, [pod], 10.5)
  t.strictSame(first, {
    acceleratorSeconds: 20,
    acceleratorSecondsByResource: { [GPU]: 20 },
    accountedPods: [{ pod: pod.metadata.uid, until: at(10) }],
  })
  t.strictSame(counted(first, [pod], 10.9), first)
  const next = counted(first, [over(0, 12, 2), over(5, 25, 1, 'b')], 99)
  t.equal(next.acceleratorSeconds, 20 + 4 + 20)
  t.strictSame(counted(next, [over(0, 12, 2), over(5, 25, 1, 'b')], 200), next)
  t.strictSame(counted(next, [], 300), {
    acceleratorSeconds: 44,
    acceleratorSecondsByResource: { [GPU]: 44 },
  })
})

t.test('a pod whose Job is gone is known from before', async t => {
  const pod = running(0)
  const before = counted({}, [pod], 10)
  const present = { pods: [pod], stageJobs: [] }
  t.equal(acceleratorTime(before, present, NOW + 30_000).acceleratorSeconds, 30)
  t.strictSame(acceleratorTime({}, present, NOW + 30_000), {})
})

t.test('time stays with the resource that was used', async t => {
  const other: Pod = {
    ...running(20, 1, 'b'),
    spec: { containers: [{ name: 'trainer', resources: { limits: { 'amd.com/gpu': '2' } } }] },
  }
  const before = counted({}, [over(0, 20)], 20)
  t.match(counted(before, [other], 30), {
    acceleratorSeconds: 40,
    acceleratorSecondsByResource: { [GPU]: 20, 'amd.com/gpu': 20 },
  })
})

t.test('resources and pods that status holds are bounded', async t => {
  const pods = Array.from({ length: 100 }, (_, i): Pod => {
    const limits = { [`example.com/x-${i}`]: 1 }
    return {
      ...over(i, i + 10, 1, `p-${i}`),
      spec: { containers: [{ name: 'trainer', resources: { limits } }] },
    }
  })
  const first = counted({}, pods, 500)
  t.equal(first.acceleratorSeconds, 1000)
  t.equal(Object.keys(first.acceleratorSecondsByResource ?? {}).length, 16)
  t.equal(first.acceleratorSecondsByResource?.['other'], 850)
  t.equal(first.accountedPods?.length, 32)
  t.equal(first.accountedUntil, at(77))
  t.strictSame(counted(first, pods, 600), first, 'and none is counted twice')
})
