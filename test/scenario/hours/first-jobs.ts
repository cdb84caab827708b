/** The tenants' first jobs: one that waits for its dataset, one that a policy refuses, one that a quota holds back. */
import { conditionOf, apply, asTeam, datasetOf, manifest, refused, runOf } from '../world.ts'
import { stageStates, untilJob, untilReady, untilReason, type World } from '../world.ts'
import { expect, waitFor } from '../wait-for.ts'

const QUOTA = '16Gi'

export const jobBeforeItsDataset = async (world: World): Promise<void> => {
  const { timeline, signal } = world
  await apply(world, 'team-a', await manifest('team-a-lamps'))
  const waiting = await untilReason(world, 'team-a', 'lamps', 'DatasetReady', 'WaitingForDataset')
  const said = conditionOf(waiting.status, 'DatasetReady')?.message ?? ''
  timeline.add('team-a', 'job lamps', `applied before its dataset, and waits: ${said}`)
  await apply(world, 'team-a', await manifest('team-a-dataset'))
  const { status } = await waitFor({
    what: 'dataset team-a/lamps is Ready',
    look: () => datasetOf(world, 'team-a', 'lamps'),
    holds: found =>
      found.status?.conditions?.some(one => one.type === 'Ready' && one.status === 'True') === true,
    signal,
  })
  timeline.add(
    'team-a',
    'dataset lamps',
    `Ready: ${status?.examples} examples, read once for all its jobs`,
  )
}

export const jobAgainstPolicy = async (world: World): Promise<string> => {
  const { timeline } = world
  const asked = await manifest('team-b-heating')
  const words =
    /spec\.resources\.accelerator\.count is 4, and TuningPolicy shared-gpus allows at most 2 \(maxAcceleratorsPerJob\)/
  const said = await refused(apply(world, 'team-b', asked), words)
  timeline.add('team-b', 'job heating', `refused by the API server: ${said}`)
  const mended = asked.replace('count: 4', 'count: 1')
  await apply(world, 'team-b', mended)
  timeline.add('team-b', 'job heating', 'mended to 1 GPU and accepted')
  const forbidden = await refused(
    asTeam(world, 'team-b', ['delete', 'itj', 'lamps', '-n', 'team-a']),
    /User "ben" cannot delete resource "instructiontuningjobs"[^:]*in the namespace "team-a"/,
  )
  timeline.add('team-b', 'job lamps', `may not be deleted by another team: ${forbidden}`)
  return mended
}

export const jobOverQuota = async (world: World): Promise<void> => {
  const { timeline } = world
  await apply(world, 'team-c', await manifest('team-c-garage'))
  timeline.add('team-c', 'job garage', 'applied; it asks for 5Gi where the quota is 4Gi')
}

export const quotaIsRaised = async (world: World): Promise<void> => {
  const { cluster, timeline } = world
  const waiting = await untilJob(
    world,
    'team-c',
    'garage',
    'says that the quota is exceeded',
    status => /exceeded quota: team-c/.test(conditionOf(status, 'Reconciling')?.message ?? ''),
  )
  const { reason, message } = conditionOf(waiting.status, 'Reconciling') ?? {}
  expect(reason === 'Waiting', 'the reason Waiting', waiting.status?.conditions)
  timeline.add('team-c', 'job garage', `${reason}: ${message}`)
  const body = JSON.stringify({ spec: { hard: { 'limits.memory': QUOTA } } })
  await cluster.kubectl(['patch', 'quota', 'team-c', '-n', 'team-c', '--type=merge', '-p', body])
  timeline.add('platform', 'ResourceQuota', `raised to ${QUOTA}; nobody touches the job`)
}

export const firstResults = async (world: World): Promise<void> => {
  const { timeline } = world
  for (const [team, name] of [
    ['team-a', 'lamps'],
    ['team-b', 'heating'],
  ] as const) {
    const job = await untilReady(world, team, name)
    expect(
      stageStates(job, 1) === 'Succeeded Succeeded Succeeded Succeeded',
      'four stages that succeeded',
      job.status,
    )
    const [artifact] = runOf(job, 1)?.artifacts ?? []
    expect(artifact !== undefined, 'a published adapter', job.status)
    timeline.add(team, `job ${name}`, `Ready; published ${artifact?.uri}`)
  }
}
