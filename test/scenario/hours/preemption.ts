/** A job of a higher priority takes the GPUs, and gives them back. */
import { expect } from '../wait-for.ts'
import { runningPod, untilGone, untilResumed, untilStep } from '../train-pod.ts'
import {
  apply,
  conditionOf,
  eventsOf,
  manifest,
  runOf,
  untilJob,
  untilReady,
  untilReason,
} from '../world.ts'
import type { World } from '../world.ts'

export const longJob = async (world: World): Promise<void> => {
  await apply(world, 'team-a', await manifest('team-a-nightly'))
  const job = await untilStep(world, 'team-a', 'nightly', 5)
  const { step, totalSteps } = job.status?.training ?? {}
  world.timeline.add('team-a', 'job nightly', `trains on 1 GPU: step ${step} of ${totalSteps}`)
}

const urgentEnds = async (world: World): Promise<void> => {
  const job = await untilReady(world, 'team-b', 'urgent')
  const { baseModel, rejected = [] } = job.status?.selection ?? {}
  expect(
    baseModel === 'house-small',
    'the better one of the models that fit',
    job.status?.selection,
  )
  const reasons = rejected.flatMap(one => one.reasons).join(', ')
  expect(reasons.includes('shared-gpus'), 'models that the policy does not allow', rejected)
  world.timeline.add(
    'team-b',
    'job urgent',
    `Ready; it tuned ${baseModel}, the best BaseModel that fits and that shared-gpus allows`,
  )
}

export const preemption = async (world: World): Promise<void> => {
  const { timeline, queue } = world
  const { metadata } = await runningPod(world, 'team-a', 'nightly')
  await apply(world, 'team-b', await manifest('team-b-urgent'))
  timeline.add('team-b', 'job urgent', 'applied: 2 GPUs, priority tuning-urgent')
  const held = await untilReason(world, 'team-a', 'nightly', 'QuotaReserved', 'Preempted')
  timeline.add('team-a', 'job nightly', conditionOf(held.status, 'QuotaReserved')?.message ?? '')
  await untilGone(world, 'team-a', metadata.name)
  await untilJob(world, 'team-a', 'nightly', 'is Queued', ({ phase }) => phase === 'Queued')
  timeline.add('team-a', 'job nightly', 'saved a checkpoint; its pod is gone and it is Queued')
  await urgentEnds(world)
  const { step } = await untilResumed(world, 'team-a', 'nightly', metadata.name)
  expect(step >= 5, 'nothing that was trained is lost', step)
  const times = queue.preemptions('team-a/nightly-1-train')
  expect(times >= 1, 'the queue preempted it', times)
  expect(queue.mostUsed() <= queue.quota, 'never more GPUs than the quota', queue.mostUsed())
  const often = times === 1 ? 'once' : `${times} times (for Train, and for Evaluate)`
  timeline.add(
    'team-a',
    'job nightly',
    `preempted ${often} and admitted again: goes on from step ${step}`,
  )
}

/** Its stage counts no retry, whatever happened to its pods. */
export const nightlyEnds = async (world: World): Promise<void> => {
  const job = await untilReady(world, 'team-a', 'nightly')
  const train = runOf(job, 1)?.stages.find(({ name }) => name === 'train')
  expect(job.status?.runs?.length === 1, 'one run', job.status)
  expect((train?.attempts ?? 0) >= 4, 'at least four pods trained', train)
  expect(!train?.retries, 'no retry was counted', train)
  const events = await eventsOf(world, 'team-a', 'nightly')
  for (const reason of ['Preempted', 'Resumed'])
    expect(events.includes(`${reason}: `), `an Event ${reason}`, events)
  world.timeline.add(
    'team-a',
    'job nightly',
    `Ready in its first run, after ${train?.attempts} pods and no retry`,
  )
}
