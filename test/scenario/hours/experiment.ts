/** A team without GPUs searches over twelve trials. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { folderOf } from '../../cluster/tuning/inputs.ts'
import { wentOnFrom } from '../train-pod.ts'
import { expect, waitFor } from '../wait-for.ts'
import { apply, asTeam, experimentOf, manifest, refused, type World } from '../world.ts'

/** At the ends of the rungs that the best trial is promoted from: run 2 goes on from the first, run 3 from the second. */
const RUNG_ENDS = [4, 12] as const
const HALF_AN_HOUR_MS = 1_800_000
const NAME = 'blinds'

const COUNTED = 'count/tuningexperiments.attune.dev'
const COUNTING_MS = 3_000

/**
 * Kubernetes looks for new kinds to count every 30 s and refuses what it cannot count yet; a quota that is older
 * than that is counted minutes later, so it is made anew.
 */
const untilCounted = async ({ cluster, signal }: World): Promise<void> => {
  const quota = await manifest('quota')
  await waitFor({
    what: 'the ResourceQuota of team-c counts experiments',
    look: async () => {
      const path = 'jsonpath={.status.used}'
      const used = await cluster.kubectl(['get', 'quota', 'team-c', '-n', 'team-c', '-o', path])
      if (used.includes(COUNTED)) return used
      await cluster.kubectl(['replace', '--force', '-n', 'team-c', '-f', '-'], quota)
      await sleep(COUNTING_MS, undefined, { signal })
      return used
    },
    holds: used => used.includes(COUNTED),
    signal,
  })
}

export const startExperiment = async (world: World): Promise<void> => {
  const { timeline, signal } = world
  await untilCounted(world)
  const words =
    /spec\.resources\.accelerator\.count is 1, and TuningPolicy cpu-only allows at most 0 \(maxAcceleratorsPerJob\)/
  const said = await refused(apply(world, 'team-c', await manifest('team-a-lamps')), words)
  timeline.add('team-c', 'job lamps', `refused by the API server: ${said}`)
  await apply(world, 'team-c', await manifest('team-c-dataset'))
  const experiment = await manifest('team-c-experiment')
  await apply(world, 'team-c', experiment)
  const started = await waitFor({
    what: 'three trials of team-c/blinds run',
    look: () => experimentOf(world, 'team-c', NAME),
    holds: ({ status }) => status?.counts?.running === 3,
    signal,
  })
  expect(started.status?.counts?.total === 12, 'twelve trials', started.status)
  timeline.add('team-c', 'experiment blinds', '12 trials, three at a time, by successive halving')
  const second = experiment.replace('name: blinds }\nspec', 'name: more-blinds }\nspec')
  const over = await refused(apply(world, 'team-c', second), /exceeded quota: team-c[^\n]*/)
  timeline.add('team-c', 'experiment 2', `refused by the API server: ${over}`)
}

export const experimentEnds = async (world: World): Promise<void> => {
  const { cluster, timeline, signal } = world
  const { status } = await waitFor({
    what: 'experiment team-c/blinds ends',
    look: () => experimentOf(world, 'team-c', NAME),
    holds: found => ['Succeeded', 'Failed'].includes(found.status?.phase ?? ''),
    withinMs: HALF_AN_HOUR_MS,
    signal,
  })
  const { phase, counts, best, trials = [] } = status ?? {}
  expect(phase === 'Succeeded', 'the experiment Succeeded', status)
  expect(
    counts?.failed === 1 && counts.stopped === 10 && counts.succeeded === 1,
    'of 12 trials one failed, ten were left behind by their rung, one trained to its end',
    counts,
  )
  const failed = trials.find(trial => trial.phase === 'Failed')
  expect(
    failed?.parameters['training.sequenceLength'] === '48' &&
      /no training example is left/.test(failed.message ?? ''),
    'the trial with rows of 48 tokens failed, for its data',
    failed,
  )
  timeline.add('team-c', `trial ${failed?.trial}`, `failed, which is a result: ${failed?.message}`)
  const isLowest = trials.every(
    ({ rung = 0, score = Infinity }) => rung < 2 || score >= (best?.score ?? Infinity),
  )
  expect(isLowest, 'the best trial has the lowest validation loss of its rung', status)
  for (const [rung, from] of RUNG_ENDS.entries())
    await wentOnFrom(world, 'team-c', { job: best?.job ?? '', run: rung + 2, from })
  timeline.add(
    'team-c',
    `trial ${best?.trial}`,
    `promoted twice: its runs went on from steps ${RUNG_ENDS.join(' and ')}`,
  )
  const published = join(await folderOf(cluster, 'team-c', 'outputs'), NAME)
  const [uri = ''] = best?.artifacts ?? []
  const file = join(
    published,
    uri.replace(`pvc://outputs/${NAME}/`, ''),
    'adapter_model.safetensors',
  )
  expect(existsSync(file), `the adapter of the best trial at ${uri}`, best)
  timeline.add(
    'team-c',
    'experiment blinds',
    `Succeeded: ${best?.job} is the best (validation loss ${best?.score.toFixed(3)}) and published`,
  )
  const shown = await asTeam(world, 'team-c', ['get', 'tex', NAME])
  expect(/blinds +Succeeded +12\/12 /.test(shown), 'kubectl get tex shows it', shown)
}
