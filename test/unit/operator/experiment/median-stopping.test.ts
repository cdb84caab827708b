import type { TrialStatus } from '@attune/crds/tuning-experiment-status.ts'
import t from 'tap'
import {
  hopeless,
  median,
  validationsOf,
} from '../../../../operator/src/experiment/median-stopping.ts'
import { createExperimentStory } from '../../../fixtures/operator/an-experiment.ts'
import { aJob } from '../../../fixtures/operator/tuning-job.ts'

const curve = (...losses: readonly number[]) =>
  losses.map((loss, index) => ({ step: (index + 1) * 10, loss }))
const row = (...losses: readonly number[]): TrialStatus => ({
  trial: 1,
  job: 'search-trial-1',
  phase: 'Succeeded',
  parameters: {},
  validations: curve(...losses),
})

t.test('median', async t => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 2, 3]), 2.5)
})

t.test('a trial is hopeless above the median of the means up to its step', async t => {
  // means up to step 20: 1.5, 2.5, 3.5; up to step 30 lower
  const rows = [row(2, 1, 0), row(3, 2, 0), row(4, 3, 0)]
  t.match(hopeless(curve(3, 2.6), rows, {}), /step 20: .*2\.600 is above 2\.500.*3 trials/)
  t.equal(hopeless(curve(3, 2.5), rows, {}), undefined, 'at the median it goes on')
  t.equal(hopeless(curve(2.4, 9), rows, {}), undefined, 'its lowest loss counts')
  t.equal(hopeless(curve(9), rows, { minTrials: 4 }), undefined, 'too few have succeeded')
  t.equal(hopeless(curve(9), rows, { afterSteps: 20 }), undefined, 'too early')
  t.ok(hopeless(curve(9, 9), rows, { afterSteps: 20 }))
  const failed = rows.map(each => ({ ...each, phase: 'Failed' as const }))
  t.equal(hopeless(curve(9), failed, {}), undefined, 'what failed is no measure')
  t.equal(hopeless([], rows, {}), undefined)
})

const training = (step: number, totalSteps: number, validationLoss?: number) => ({
  job: aJob({
    spec: { evaluation: { everySteps: 10 } },
    status: {
      training: {
        step,
        totalSteps,
        progress: '',
        ...(validationLoss === undefined ? {} : { validationLoss }),
      },
    },
  }),
})

t.test('losses are kept by the step at which they were measured', async t => {
  const first = validationsOf(training(13, 25, 2))
  t.strictSame(first, [{ step: 10, loss: 2 }])
  t.equal(validationsOf(training(19, 25, 2), first), first, 'each once')
  t.strictSame(validationsOf(training(25, 25, 1), first), [
    { step: 10, loss: 2 },
    { step: 25, loss: 1 },
  ])
  t.strictSame(validationsOf(training(9, 25, 2)), [], 'none before the first')
  t.strictSame(validationsOf(training(13, 25)), [])
  let many: ReturnType<typeof validationsOf> = []
  for (let step = 10; step <= 1000; step += 10) many = validationsOf(training(step, 1000, 1), many)
  t.ok(many.length <= 32 && many.at(-1)?.step === 1000)
})

t.test('a hopeless trial is stopped and frees its place', async t => {
  const story = createExperimentStory({
    parameters: [{ path: 'training.seed', values: [1, 2, 3, 4] }],
    earlyStopping: { minTrials: 2 },
    publish: 'None',
  }).look()
  const trains = (trial: number, loss: number) => {
    const { training: seen } = training(50, 100, loss).job.status ?? {}
    return story.says(trial, { phase: 'Training', ...(seen ? { training: seen } : {}) })
  }
  for (const trial of [1, 2]) trains(trial, 1).ends(trial, 0.5)
  trains(3, 2)
  t.equal(story.job(3)?.spec?.suspend, true)
  t.match(story.row(3), { phase: 'Stopped', message: /above 1\.000, the median of 2 trials/ })
  t.strictSame(story.made(), [1, 2, 3], 'its pod still saves')
  story.says(3, { phase: 'Suspended' })
  t.strictSame(story.made(), [1, 2, 3, 4])
  story.ends(4, 0.4)
  t.match(story.status, { phase: 'Succeeded', counts: { stopped: 1, succeeded: 3 } })
})
