/** A killed pod, a suspended job, and a new operator: none of them costs what was trained. */
import { SYSTEM_NAMESPACE, installChart } from '../../cluster/tuning/helm.ts'
import { SETTINGS } from './opening.ts'
import { runningPod, untilGone, untilResumed, untilStep } from '../train-pod.ts'
import { expect, waitFor } from '../wait-for.ts'
import { apply, asTeam, jobOf, manifest, podsOf, runOf, untilJob, type World } from '../world.ts'

/** More than between two checkpoints. */
const FURTHER_STEPS = 10

export const killedPod = async (world: World): Promise<void> => {
  const { cluster, timeline } = world
  const { metadata } = await runningPod(world, 'team-a', 'nightly')
  await cluster.kubectl([
    'delete',
    'pod',
    metadata.name,
    '-n',
    'team-a',
    '--grace-period=0',
    '--force',
  ])
  timeline.add('platform', 'job nightly', `pod ${metadata.name} is killed`)
  const { pod, step } = await untilResumed(world, 'team-a', 'nightly', metadata.name)
  timeline.add('team-a', 'job nightly', `pod ${pod} goes on from step ${step}`)
}

const suspend = (world: World, value: boolean): Promise<string> =>
  asTeam(world, 'team-a', [
    'patch',
    'itj',
    'nightly',
    '--type=merge',
    '-p',
    JSON.stringify({ spec: { suspend: value } }),
  ])

/** @returns the pod that trained last */
export const suspended = async (world: World): Promise<string> => {
  const { timeline } = world
  const { metadata } = await runningPod(world, 'team-a', 'nightly')
  const { status } = await jobOf(world, 'team-a', 'nightly')
  await untilStep(world, 'team-a', 'nightly', (status?.training?.step ?? 0) + FURTHER_STEPS)
  await suspend(world, true)
  await untilJob(world, 'team-a', 'nightly', 'is Suspended', ({ phase }) => phase === 'Suspended')
  await untilGone(world, 'team-a', metadata.name)
  timeline.add('team-a', 'job nightly', 'suspended; its pod is gone and its GPU free')
  return metadata.name
}

export const resumed = async (world: World, gone: string): Promise<void> => {
  await suspend(world, false)
  const { pod, step } = await untilResumed(world, 'team-a', 'nightly', gone)
  world.timeline.add('team-a', 'job nightly', `resumed: pod ${pod} goes on from step ${step}`)
}

/** The same spec under another name, which nobody disturbs. */
export const twin = async (world: World): Promise<void> => {
  const nightly = await manifest('team-a-nightly')
  await apply(
    world,
    'team-a',
    nightly
      .replace('name: nightly', 'name: undisturbed')
      .replace('outputs/nightly', 'outputs/undisturbed'),
  )
  world.timeline.add('team-a', 'job undisturbed', 'the same spec as nightly, for comparison')
}

const operatorPods = async ({ cluster }: World): Promise<readonly string[]> => {
  const names = await cluster.kubectl([
    'get',
    'pods',
    '-n',
    SYSTEM_NAMESPACE,
    '-l',
    'app.kubernetes.io/name=attune-operator',
    '-o',
    'name',
  ])
  return names.trim().split('\n').filter(Boolean)
}

const uidsOf = async (world: World): Promise<string> =>
  (await podsOf(world, 'team-a', 'nightly', 'train'))
    .map(({ metadata }) => metadata.uid)
    .toSorted()
    .join(' ')

export const operatorUpgrade = async (world: World): Promise<void> => {
  const { cluster, timeline, signal } = world
  await runningPod(world, 'team-a', 'nightly')
  const before = await uidsOf(world)
  const [old = ''] = await operatorPods(world)
  await installChart(cluster, { ...SETTINGS, 'podAnnotations.attune\\.dev/upgrade': 'afternoon' })
  await waitFor({
    what: `operator ${old} is gone`,
    look: () => operatorPods(world),
    holds: names => names.length === 1 && !names.includes(old),
    signal,
  })
  const { status } = await jobOf(world, 'team-a', 'nightly')
  const seen = status?.training?.step ?? 0
  const job = await untilStep(world, 'team-a', 'nightly', seen + 1)
  expect((await uidsOf(world)) === before, 'the same train pods as before the upgrade', job.status)
  expect(runOf(job, 1)?.phase === 'Training', 'run 1 still trains', job.status)
  timeline.add(
    'platform',
    'chart attune',
    `upgraded by helm: another operator pod leads, nightly trains on in the same pod (step ${job.status?.training?.step})`,
  )
}
