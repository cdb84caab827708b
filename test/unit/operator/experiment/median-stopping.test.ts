import { TRIAL_ROWS_MAX } from '@attune/crds/tuning-experiment-status.ts'
import t from 'tap'
import { hopeless, median } from '../../../../operator/src/experiment/median-stopping.ts'
import { withValidation } from '../../../../operator/src/job/validations.ts'
import { createExperimentStory } from '../../../fixtures/operator/an-experiment.ts'
import { createStory } from '../../../fixtures/operator/story.ts'

const curve = (...losses: readonly number[]) =>
  losses.map((loss, index) => ({ step: (index + 1) * 10, loss }))
t.test('median', async t => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 2, 3]), 2.5)
})

t.test('a trial is hopeless above the median of the means up to its step', async t => {
  // means up to step 20: 1.5, 2.5, 3.5; up to step 30 lower
  const rows = [curve(2, 1, 0), curve(3, 2, 0), curve(4, 3, 0)]
  t.match(hopeless(curve(3, 2.6), rows, {}), /step 20: .*2\.600 is above 2\.500.*3 trials/)
  t.equal(hopeless(curve(3, 2.5), rows, {}), undefined, 'at the median it goes on')
  t.equal(hopeless(curve(2.4, 9), rows, {}), undefined, 'its lowest loss counts')
  t.equal(hopeless(curve(9), rows, { minTrials: 4 }), undefined, 'too few have succeeded')
  t.equal(hopeless(curve(9), rows, { afterSteps: 20 }), undefined, 'too early')
  t.ok(hopeless(curve(9, 9), rows, { afterSteps: 20 }))
  t.equal(hopeless([], rows, {}), undefined)
})

const seen = (step: number, totalSteps: number, validationLoss?: number) => ({
  step,
  totalSteps,
  ...(validationLoss === undefined ? {} : { validationLoss }),
})

t.test('losses are kept by the step at which they were measured', async t => {
  const first = withValidation([], seen(13, 25, 2), 10)
  t.strictSame(first, [{ step: 10, loss: 2 }])
  t.equal(withValidation(first, seen(19, 25, 2), 10), first, 'each once')
  t.strictSame(withValidation(first, seen(25, 25, 1), 10), [
    { step: 10, loss: 2 },
    { step: 25, loss: 1 },
  ])
  t.strictSame(withValidation([], seen(9, 25, 2), 10), [], 'none before the first')
  t.strictSame(withValidation([], seen(13, 25), 10), [])
  let many: ReturnType<typeof withValidation> = []
  for (let step = 10; step <= 1000; step += 10) many = withValidation(many, seen(step, 1000, 1), 10)
  t.ok(many.length <= 32 && many.at(-1)?.step === 1000)
})

t.test('the job of a trial keeps its losses, another job does not', async t => {
  const told = (isTrial: boolean) => {
    const owner = { apiVersion: 'attune.dev/v1alpha1', kind: 'TuningExperiment', name: 'search' }
    const ownerReferences = [{ ...owner, uid: 'tex-uid', controller: true }]
    const story = createStory({ evaluation: { everySteps: 10 } })
    if (isTrial)
      story.happens(({ job }) => ({
        job: { ...job, metadata: { ...job.metadata, ownerReferences } },
      }))
    story.look().succeeds(1, 'prepare').runs(1, 'train')
    for (const [step, validationLoss] of [
      [13, 2],
      [27, 1.5],
    ] as const) {
      const training = { step, totalSteps: 40, validationLoss }
      const report = { stage: 'train' as const, activity: '', fraction: 0.1, training }
      story.happens(() => ({ progress: { 'home-1-train-abcde': report } })).look()
    }
    return story.succeeds(1, 'train').status.training?.validations
  }
  t.strictSame(told(true), [
    { step: 10, loss: 2 },
    { step: 20, loss: 1.5 },
  ])
  t.equal(told(false), undefined)
})

const training = (step: number, loss: number) => ({
  ...{ step, totalSteps: 100, progress: '', validationLoss: loss },
  validations: [{ step, loss }],
})

t.test('a hopeless trial is stopped and frees its place', async t => {
  const story = createExperimentStory({
    parameters: [{ path: 'training.seed', values: [1, 2, 3, 4] }],
    earlyStopping: { minTrials: 2 },
    publish: 'None',
  }).look()
  const trains = (trial: number, loss: number) =>
    story.says(trial, { phase: 'Training', training: training(50, loss) })
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

t.test('trials that the table leaves out count in the median too', async t => {
  const count = TRIAL_ROWS_MAX + 60
  const story = createExperimentStory({
    parameters: [
      { path: 'training.seed', values: Array.from({ length: 60 }, (_, i) => i) },
      { path: 'method.lora.rank', values: [4, 8, 16] },
    ],
    parallelTrials: 1,
    earlyStopping: { minTrials: count },
    publish: 'None',
  }).look()
  // the table keeps those of the best score, whose losses are the lowest
  for (let trial = 1; trial <= count; trial += 1) {
    const loss = trial <= count / 2 ? 3 : 1
    story.says(trial, { phase: 'Training', training: training(50, loss) }).ends(trial, 1 / loss)
  }
  t.equal(story.status.trialsLeftOut, 61, 'and the one that runs is in the table')
  const next = count + 1
  story.says(next, { phase: 'Training', training: training(50, 1.9) })
  t.equal(story.row(next)?.phase, 'Running', 'half of all trials had a loss of 3')
  story.says(next, { phase: 'Training', training: training(50, 2.1) })
  t.match(story.row(next), { phase: 'Stopped', message: /above 2\.000, the median of 160 trials/ })
})
