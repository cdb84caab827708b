/** The pod that trains, and what its log says of checkpoints. */
import { type Pod, Pods } from '../../operator/src/job/kinds.ts'
import { hasEnded, isRunning } from '../../operator/src/job/pod-state.ts'
import type { Team } from './tenants.ts'
import { waitFor } from './wait-for.ts'
import { asTeam, podsOf, untilJob, type World } from './world.ts'

const RESUMED = /"step":(\d+),.*"msg":"resumed from a checkpoint"/
const BEGAN = /"step":(\d+),.*"msg":"(?:starting|resumed from a checkpoint)"/

export const untilStep = (world: World, team: Team, name: string, step: number) =>
  untilJob(
    world,
    team,
    name,
    `trains, at step ${step} or later`,
    ({ phase, training }) => phase === 'Training' && (training?.step ?? 0) >= step,
  )

export const runningPod = async (world: World, team: Team, job: string): Promise<Pod> => {
  const pods = await waitFor({
    what: `${team}/${job} has a train pod that runs`,
    look: () => podsOf(world, team, job, 'train'),
    holds: found => found.some(pod => isRunning(pod) && !pod.metadata.deletionTimestamp),
    signal: world.signal,
  })
  return pods.find(pod => isRunning(pod) && !pod.metadata.deletionTimestamp) as Pod
}

const logOf = (world: World, team: Team, pod: string): Promise<string> =>
  asTeam(world, team, ['logs', pod]).catch(() => '')

/** @returns the pod that follows the one that has gone, and the step that it went on from */
export const untilResumed = async (
  world: World,
  team: Team,
  job: string,
  gone: string,
): Promise<{ readonly pod: string; readonly step: number }> => {
  const seen = await waitFor({
    what: `${team}/${job} goes on from a checkpoint in a pod after ${gone}`,
    look: async () => {
      const next = (await podsOf(world, team, job, 'train'))
        .filter(pod => pod.metadata.name !== gone && !hasEnded(pod))
        .map(({ metadata }) => metadata.name)
      return Promise.all(next.map(async pod => ({ pod, log: await logOf(world, team, pod) })))
    },
    holds: found => found.some(({ log }) => RESUMED.test(log)),
    signal: world.signal,
  })
  const { pod = '', log = '' } = seen.find(one => RESUMED.test(one.log)) ?? {}
  return { pod, step: Number(RESUMED.exec(log)?.[1]) }
}

/**
 * The step that each pod of a run's Train began at, by what its log says.
 *
 * @param from steps that an earlier run of the job has trained
 */
export const wentOnFrom = (
  world: World,
  team: Team,
  { job, run, from }: { readonly job: string; readonly run: number; readonly from: number },
): Promise<readonly number[]> =>
  waitFor({
    what: `run ${run} of ${team}/${job} went on from step ${from}`,
    look: async () => {
      const pods = (await podsOf(world, team, job, 'train')).filter(
        ({ metadata }) => metadata.labels?.['attune.dev/run'] === String(run),
      )
      const logs = await Promise.all(pods.map(({ metadata }) => logOf(world, team, metadata.name)))
      return logs.flatMap(log => BEGAN.exec(log)?.[1] ?? []).map(Number)
    },
    holds: steps => steps.length > 0 && steps.every(step => step >= from),
    hopeless: steps => (steps.some(step => step < from) ? 'it started over' : undefined),
    signal: world.signal,
  })

export const untilGone = (world: World, namespace: Team, name: string) =>
  waitFor({
    what: `pod ${namespace}/${name} is gone`,
    look: () => world.client.find(Pods, { name, namespace }),
    holds: pod => pod === undefined,
    signal: world.signal,
  })
