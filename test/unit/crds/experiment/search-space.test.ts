import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { resolveExperimentSpec } from '@attune/crds/defaults.ts'
import type { TuningExperimentSpec } from '@attune/crds/tuning-experiment-spec.ts'
import t from 'tap'
import { parse } from 'yaml'
import { choicesOf } from '../../../../crds/experiment/parameter-values.ts'
import { assignmentsOf } from '../../../../crds/experiment/search-space.ts'
import { experimentProblems } from '../../../../crds/experiment/experiment-problems.ts'
import { SPEC } from '../../../fixtures/operator/tuning-job.ts'

const RATE = 'training.learningRate'
const RANK = 'method.lora.rank'

const specOf = (change: Partial<TuningExperimentSpec>) =>
  resolveExperimentSpec({
    template: SPEC,
    parameters: [{ path: RATE, values: [0.0001, 0.001] }],
    strategy: { type: 'Grid' },
    ...change,
  })
const random = (change: Partial<TuningExperimentSpec> = {}) =>
  specOf({
    parameters: [
      { path: RATE, range: { min: 1e-5, max: 1e-3, scale: 'Log' } },
      { path: RANK, range: { min: 4, max: 64 } },
    ],
    strategy: { type: 'Random' },
    maxTrials: 50,
    ...change,
  })

t.test('points of a range with a step', async t => {
  const cases = {
    'both ends': [{ min: 0.1, max: 0.3, step: 0.1 }, [0.1, 0.2, 0.3]],
    'up to below the end': [{ min: 1, max: 2, step: 0.4 }, [1, 1.4, 1.8]],
    factors: [{ min: 1e-5, max: 1e-3, step: 10, scale: 'Log' }, [1e-5, 1e-4, 1e-3]],
  } as const
  for (const [name, [range, points]] of Object.entries(cases))
    t.strictSame(choicesOf({ path: RATE, range }), points, name)
  const whole = choicesOf({ path: RANK, range: { min: 1, max: 3, step: 0.5 } })
  t.strictSame(whole, [1, 2, 3], 'whole numbers, each once')
})

t.test('a grid has every combination, the last parameter fastest', async t => {
  const space = specOf({
    parameters: [
      { path: RATE, values: [0.1, 0.2] },
      { path: RANK, values: [8, 16] },
    ],
  })
  t.strictSame(assignmentsOf(space), [
    { [RATE]: 0.1, [RANK]: 8 },
    { [RATE]: 0.1, [RANK]: 16 },
    { [RATE]: 0.2, [RANK]: 8 },
    { [RATE]: 0.2, [RANK]: 16 },
  ])
})

t.test('drawn trials', async t => {
  const trials = assignmentsOf(random())
  t.equal(trials.length, 50)
  for (const trial of trials) {
    const [rate, rank] = [Number(trial[RATE]), Number(trial[RANK])]
    t.ok(rate >= 1e-5 && rate <= 1e-3 && Number.isInteger(rank) && rank >= 4 && rank <= 64)
  }
  const low = trials.filter(trial => Number(trial[RATE]) < 1e-4).length
  t.ok(low > 12 && low < 38, `${low} of 50 lie in the lower decade`)
  t.strictSame(assignmentsOf(random()), trials, 'are the same for the same spec')
  t.strictSame(assignmentsOf(random({ maxTrials: 7 })), trials.slice(0, 7), 'whatever comes after')
  t.notSame(assignmentsOf(random({ seed: 7 })), trials, 'and others with another seed')
  t.same(trials[0], { [RATE]: 0.000172387, [RANK]: 13 }, 'as the same hash gives in Python')
  const few = random({ parameters: [{ path: RANK, values: [8, 16, 32] }] })
  t.strictSame(
    assignmentsOf(few)
      .map(trial => trial[RANK])
      .toSorted(),
    [16, 32, 8],
    'no combination twice, and no more than there are',
  )
})

t.test('every example has the trials that it speaks of', async t => {
  const folder = join(import.meta.dirname, '../../../../examples/experiments')
  const counts = readdirSync(folder).map(name => {
    const { spec } = parse(readFileSync(join(folder, name), 'utf8')) as {
      spec: TuningExperimentSpec
    }
    const resolved = resolveExperimentSpec(spec)
    t.strictSame(experimentProblems(resolved, 'cluster'), [], name)
    return assignmentsOf(resolved).length
  })
  t.strictSame(counts, [6, 9])
})
