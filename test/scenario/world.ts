/** What the script of the day has at hand: the cluster, its tenants, and the timeline. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InstructionDatasets } from '../../operator/src/dataset/kinds.ts'
import { TuningExperiments } from '../../operator/src/experiment/kinds.ts'
import {
  type InstructionTuningJob,
  InstructionTuningJobs,
  type Pod,
  Pods,
} from '../../operator/src/job/kinds.ts'
import type { KubeClient } from '../../operator/src/kube/kube-client.ts'
import type { Cluster } from '../cluster/node.ts'
import type { Queue } from './queue/play-queue.ts'
import { type Team, TEAMS } from './tenants.ts'
import type { Timeline } from './timeline.ts'
import { expect, NotAsScripted, waitFor } from './wait-for.ts'

export type World = {
  readonly cluster: Cluster
  readonly client: KubeClient
  readonly queue: Queue
  readonly timeline: Timeline
  readonly signal: AbortSignal
}

type Status = NonNullable<InstructionTuningJob['status']>

const MANIFESTS = join(import.meta.dirname, 'manifests')

export const manifest = (name: string): Promise<string> =>
  readFile(join(MANIFESTS, `${name}.yaml`), 'utf8')

/** kubectl as the team's user, who may do in its namespace what `edit` may. */
export const asTeam = (
  { cluster }: World,
  team: Team,
  args: readonly string[],
  stdin?: string,
): Promise<string> =>
  cluster.kubectl([`--as=${TEAMS[team].user}`, `--as-group=${team}`, '-n', team, ...args], stdin)

export const apply = (world: World, team: Team, text: string): Promise<string> =>
  asTeam(world, team, ['apply', '-f', '-'], text)

/** The words of the API server; applying what it must refuse is a failure if it does not. */
export const refused = async (work: Promise<string>, words: RegExp): Promise<string> => {
  const said = await work.then(
    () => undefined,
    (error: Error) => error.message,
  )
  if (said === undefined) throw new NotAsScripted(`expected a refusal with ${words}; it was done`)
  expect(words.test(said), `a refusal with ${words}`, said)
  return words.exec(said)?.[0] ?? ''
}

export const jobOf = ({ client }: World, team: Team, name: string): Promise<InstructionTuningJob> =>
  client.get(InstructionTuningJobs, { name, namespace: team })

export const conditionOf = (status: Status | undefined, type: string) =>
  status?.conditions?.find(condition => condition.type === type)

/** Of the spec as it is now; a failure that is not awaited ends the waiting. */
export const untilJob = (
  world: World,
  team: Team,
  name: string,
  what: string,
  holds: (status: Status) => boolean,
): Promise<InstructionTuningJob> =>
  waitFor({
    what: `${team}/${name} ${what}`,
    look: () => jobOf(world, team, name),
    holds: ({ metadata, status }) =>
      status?.observedGeneration === metadata.generation && holds(status as Status),
    hopeless: ({ metadata, status }) =>
      status?.observedGeneration === metadata.generation && status?.phase === 'Failed'
        ? 'the job failed'
        : undefined,
    signal: world.signal,
  })

export const untilReady = (world: World, team: Team, name: string) =>
  untilJob(world, team, name, 'is Ready', status => conditionOf(status, 'Ready')?.status === 'True')

export const untilReason = (world: World, team: Team, name: string, type: string, reason: string) =>
  untilJob(
    world,
    team,
    name,
    `has ${type} with the reason ${reason}`,
    status => conditionOf(status, type)?.reason === reason,
  )

export const datasetOf = ({ client }: World, team: Team, name: string) =>
  client.get(InstructionDatasets, { name, namespace: team })
export const experimentOf = ({ client }: World, team: Team, name: string) =>
  client.get(TuningExperiments, { name, namespace: team })

export const podsOf = async (
  { client }: World,
  team: Team,
  job: string,
  stage: string,
): Promise<readonly Pod[]> => {
  const labelSelector = `attune.dev/job=${job},attune.dev/stage=${stage}`
  return (await client.list(Pods, { namespace: team, labelSelector })).items
}

/** Reasons and messages of the Events about a job. */
export const eventsOf = (world: World, team: Team, name: string): Promise<string> => {
  const field = `--field-selector=involvedObject.name=${name},involvedObject.kind=InstructionTuningJob`
  const path = 'jsonpath={range .items[*]}{.reason}: {.message}{"\\n"}{end}'
  return asTeam(world, team, ['get', 'events', field, '-o', path])
}

export const runOf = ({ status }: InstructionTuningJob, number: number) =>
  status?.runs?.find(run => run.number === number)

export const stageStates = (job: InstructionTuningJob, run: number): string =>
  (runOf(job, run)?.stages ?? []).map(({ state }) => state).join(' ')
