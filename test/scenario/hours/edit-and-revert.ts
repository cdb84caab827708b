/** Git edits a learning rate, and takes it back. */
import { expect, waitFor } from '../wait-for.ts'
import { apply, asTeam, eventsOf, runOf, stageStates, untilJob, type World } from '../world.ts'

export const edited = async (world: World, text: string): Promise<void> => {
  await apply(world, 'team-b', text.replace('learningRate: 0.01', 'learningRate: 0.003'))
  const job = await untilJob(
    world,
    'team-b',
    'heating',
    'has published run 2',
    ({ run, phase }) => run === 2 && phase === 'Succeeded',
  )
  expect(
    stageStates(job, 2) === 'Skipped Succeeded Succeeded Succeeded',
    'run 2 takes over what Prepare made, and trains',
    job.status,
  )
  world.timeline.add(
    'team-b',
    'job heating',
    'learning rate edited: run 2 skips Prepare, trains, and is published',
  )
}

export const reverted = async (world: World, text: string): Promise<void> => {
  await apply(world, 'team-b', text)
  const job = await untilJob(
    world,
    'team-b',
    'heating',
    'is done with run 3',
    ({ run, phase }) => run === 3 && phase === 'Succeeded',
  )
  expect(stageStates(job, 3) === 'Skipped Skipped Skipped Skipped', 'no stage runs', job.status)
  expect(
    runOf(job, 3)?.artifacts?.[0]?.digest === runOf(job, 1)?.artifacts?.[0]?.digest,
    'the artifacts of run 1',
    job.status,
  )
  const jobs = await asTeam(world, 'team-b', [
    'get',
    'jobs',
    '-l',
    'attune.dev/run=3',
    '-o',
    'name',
  ])
  expect(jobs.trim() === '', 'no Job of run 3', jobs)
  // Events follow the status
  await waitFor({
    what: 'an Event ArtifactsReused of team-b/heating',
    look: () => eventsOf(world, 'team-b', 'heating'),
    holds: events => events.includes('ArtifactsReused: '),
    signal: world.signal,
  })
  world.timeline.add(
    'team-b',
    'job heating',
    "reverted: run 3 is Ready at once with run 1's artifacts, and no pod",
  )
}
