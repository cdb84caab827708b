/** The script of the day. */
import * as closing from './hours/closing.ts'
import { edited, reverted } from './hours/edit-and-revert.ts'
import { experimentEnds, startExperiment } from './hours/experiment.ts'
import * as first from './hours/first-jobs.ts'
import { killedPod, operatorUpgrade, resumed, suspended, twin } from './hours/interruptions.ts'
import { installAttune, installQueue, limitTenants, openCatalogue } from './hours/opening.ts'
import { longJob, nightlyEnds, preemption } from './hours/preemption.ts'
import { whereEveryJobIs } from './where-jobs-are.ts'
import type { World } from './world.ts'

/** What is printed below the timeline. */
export type DayReport = { readonly jobs: string; readonly usage: string }

/** From eight to five; throws at the first thing that is not as scripted. */
export const runDay = async (world: World): Promise<DayReport> => {
  const { begin } = world.timeline

  begin('08:00', 'the platform team opens the cluster')
  await installQueue(world)
  await installAttune(world)
  await openCatalogue(world)
  await limitTenants(world)

  begin('08:10', 'the first jobs')
  await first.jobBeforeItsDataset(world)
  const heating = await first.jobAgainstPolicy(world)

  begin('08:40', 'the first results')
  await first.firstResults(world)

  begin('09:00', 'an experiment, and a job over the quota')
  await startExperiment(world)
  await first.jobOverQuota(world)
  await first.quotaIsRaised(world)

  begin('10:00', 'an urgent job')
  await longJob(world)
  await preemption(world)

  begin('11:00', 'a pod is killed')
  await killedPod(world)

  begin('12:00', 'a job is suspended, another one edited and reverted')
  const gone = await suspended(world)
  await twin(world)
  await edited(world, heating)
  await reverted(world, heating)

  begin('14:00', 'the suspended job goes on')
  await resumed(world, gone)

  begin('15:00', 'the operator is upgraded')
  await operatorUpgrade(world)

  begin('16:00', 'the last results')
  await nightlyEnds(world)
  await closing.garageEnds(world)
  await closing.sameBits(world)
  await experimentEnds(world)
  const jobs = await whereEveryJobIs(world)
  const usage = await closing.usageAddsUp(world)

  begin('17:00', 'everybody goes home')
  await closing.everythingIsDeleted(world)
  return { jobs, usage }
}
