/** Every job of the three teams at the end of the day, and where it should be. */
import { type InstructionTuningJob, InstructionTuningJobs } from '../../operator/src/job/kinds.ts'
import { teamNames } from './tenants.ts'
import { columns } from './timeline.ts'
import { expect } from './wait-for.ts'
import { conditionOf, experimentOf, type World } from './world.ts'

type Place = { readonly phase: string; readonly run: number }

/** Trials are where their experiment left them. */
const EXPECTED: Readonly<Record<string, Place>> = {
  'team-a/lamps': { phase: 'Succeeded', run: 1 },
  'team-a/nightly': { phase: 'Succeeded', run: 1 },
  'team-a/undisturbed': { phase: 'Succeeded', run: 1 },
  'team-b/heating': { phase: 'Succeeded', run: 3 },
  'team-b/urgent': { phase: 'Succeeded', run: 1 },
  'team-c/garage': { phase: 'Succeeded', run: 1 },
}

const keyOf = ({ metadata }: InstructionTuningJob) => `${metadata.namespace}/${metadata.name}`

const figure = (value: number | undefined): string => value?.toFixed(3) ?? '-'

const rowOf = (job: InstructionTuningJob, place: string): readonly string[] => {
  const { metadata, status } = job
  const { phase = '', run = 0, training, acceleratorSeconds = 0 } = status ?? {}
  const reason = conditionOf(status, 'Ready')?.reason ?? ''
  return [
    metadata.namespace ?? '',
    metadata.name,
    phase,
    reason,
    String(run),
    training?.progress ?? '-',
    figure(training?.validationLoss),
    acceleratorSeconds.toFixed(0),
    place,
  ]
}

const HEAD = ['TEAM', 'JOB', 'PHASE', 'READY', 'RUN', 'STEP', 'LOSS', 'GPU-S', 'AS IT SHOULD BE']

const placeOf = (job: InstructionTuningJob): string => {
  const { phase = '', run = 0 } = job.status ?? {}
  const wanted = EXPECTED[keyOf(job)]
  if (!wanted) return ''
  expect(
    wanted.phase === phase && wanted.run === run,
    `${keyOf(job)} ${wanted.phase} in run ${wanted.run}`,
    job.status,
  )
  return 'yes'
}

const trialPlaces = async (world: World): Promise<ReadonlyMap<string, string>> => {
  const { status } = await experimentOf(world, 'team-c', 'blinds')
  return new Map(
    status?.trials?.map(({ job, phase, rung, message }) => [
      `team-c/${job}`,
      `yes: ${phase}${message ? `, ${message.split('; ')[0]?.slice(0, 60)}` : `, rung ${(rung ?? 0) + 1}`}`,
    ]),
  )
}

const isTrialAsItShould = ({ status }: InstructionTuningJob, place: string): boolean =>
  status?.phase === (place.startsWith('yes: Failed') ? 'Failed' : 'Succeeded')

/** @returns a table of them all */
export const whereEveryJobIs = async (world: World): Promise<string> => {
  const trials = await trialPlaces(world)
  const rows: (readonly string[])[] = []
  for (const namespace of teamNames) {
    const { items } = await world.client.list(InstructionTuningJobs, { namespace })
    for (const job of items) {
      const trial = trials.get(keyOf(job))
      expect(
        trial === undefined ? keyOf(job) in EXPECTED : isTrialAsItShould(job, trial),
        `${keyOf(job)} where the script leaves it`,
        job.status,
      )
      rows.push(rowOf(job, trial ?? placeOf(job)))
    }
  }
  expect(rows.length === Object.keys(EXPECTED).length + 12, 'every job of the day', rows)
  world.timeline.add('all teams', 'jobs', `all ${rows.length} are where they should be`)
  return `${columns([HEAD, ...rows]).join('\n')}\n`
}
