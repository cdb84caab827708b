import { TRIAL_ROWS_MAX } from '@attune/crds/tuning-experiment-status.ts'
import t from 'tap'
import type { TuningExperiment } from '../../../../operator/src/experiment/kinds.ts'
import type { InstructionTuningJob } from '../../../../operator/src/job/kinds.ts'
import type { Trial } from '../../../../operator/src/experiment/trial.ts'
import { tableOf } from '../../../../operator/src/experiment/trial-table.ts'
import { anExperiment, createExperimentStory } from '../../../fixtures/operator/an-experiment.ts'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import { SPEC } from '../../../fixtures/operator/tuning-job.ts'

const values = (count: number) => Array.from({ length: count }, (_, i) => (i + 1) / 10_000)
const rates = (count: number) => [{ path: 'training.learningRate', values: values(count) }]
const grid = (count: number) => ({ parameters: rates(count), parallelTrials: 2 })

t.test('trials run as many at once as asked for, and the best is published', async t => {
  const story = createExperimentStory(grid(3)).look()
  t.strictSame(story.made(), [1, 2])
  t.equal(story.status.progress, '0/3')
  story.ends(2, 0.7)
  t.strictSame(story.made(), [1, 2, 3])
  t.match(story.status.best, { trial: 2, score: 0.7 })
  story.ends(1, 0.9).ends(3, 0.8)
  t.equal(story.status.phase, 'Publishing')
  t.strictSame(story.job(1)?.spec?.output, { uri: 'pvc://models/home' })
  t.strictSame(story.job(2)?.spec?.output, { uri: 'pvc://models/home/trial-2', publish: false })
  story.ends(1, 0.9)
  t.equal(story.status.phase, 'Succeeded')
  t.equal(story.condition('Ready')?.status, 'True')
  t.equal(story.status.progress, '3/3')
  t.strictSame(story.reasons(), [
    'TrialStarted',
    'TrialStarted',
    'Accepted',
    'TrialSucceeded',
    'TrialStarted',
    'TrialSucceeded',
    'TrialSucceeded',
    'Publishing',
    'Succeeded',
  ])
  story.delete(2).look()
  t.strictSame(story.made(), [1, 3], 'what has ended starts nothing')
})

t.test('every status on the way keeps the rules of Flux', async t => {
  const story = createExperimentStory(grid(2)).look()
  const check = (name: string) => {
    const { metadata } = anExperiment()
    const experiment = { metadata, status: story.status } as unknown as TuningExperiment
    // the rules look at conditions alone
    t.strictSame(brokenFluxRules(experiment as unknown as InstructionTuningJob), [], name)
  }
  check('accepted')
  story.says(1, { phase: 'Training' })
  check('running')
  story.ends(1, 0.9).ends(2, 0.8)
  check('publishing')
  story.ends(1, 0.9)
  check('succeeded')
})

t.test('which trial is the best', async t => {
  const cases = {
    'the highest': [{}, [0.2, 0.9, 0.4], 2],
    'the lowest where that is the goal': [{ goal: 'Minimize' as const }, [0.2, 0.9, 0.4], 1],
    'the earlier of two equal ones': [{}, [0.2, 0.9, 0.9], 2],
  } as const
  for (const [name, [objective, scores, best]] of Object.entries(cases)) {
    const story = createExperimentStory({ ...grid(3), parallelTrials: 3, objective }).look()
    for (const [index, score] of scores.entries()) story.ends(index + 1, score)
    t.equal(story.status.best?.trial, best, name)
  }
})

t.test('a score is shown with six digits, and compared with all', async t => {
  const story = createExperimentStory({ ...grid(2), publish: 'None' }).look()
  story.ends(1, 5 / 6).ends(2, 5 / 6 + 1e-9)
  t.match(story.status.best, { trial: 2, score: 0.833333 })
  t.equal(story.row(1)?.score, 0.833333)
  t.equal(story.condition('Ready')?.message, 'search-trial-2 is the best of all trials: 0.833333')
})

t.test('a trial that fails is a result and never the best', async t => {
  const story = createExperimentStory(grid(2)).look()
  story.ends(1, 0.9, 'Failed').ends(2, 0.1)
  t.match(story.status.counts, { failed: 1, succeeded: 1 })
  t.equal(story.status.best?.trial, 2)
  t.equal(story.status.phase, 'Publishing')
  await t.test('and where all fail there is none', async t => {
    const none = createExperimentStory(grid(2)).look().ends(1, 0, 'Failed').ends(2, 0, 'Failed')
    t.equal(none.status.phase, 'Failed')
    t.equal(none.condition('Stalled')?.reason, 'NoTrialSucceeded')
    none.delete(1).look()
    t.strictSame(none.made().toSorted(), [1, 2], 'one that is deleted runs again')
    t.equal(none.status.phase, 'Running')
  })
})

t.test('a publish that fails fails the experiment, and no other trial takes its place', async t => {
  const story = createExperimentStory(grid(2)).look().ends(1, 0.9).ends(2, 0.8)
  story.ends(1, 0.9, 'Failed')
  t.match([story.status.phase, story.condition('Ready')?.reason], ['Failed', 'PublishFailed'])
  t.equal(story.status.best?.trial, 1)
  story.ends(1, 0.9)
  t.equal(story.status.phase, 'Succeeded', 'and retrying it helps')
})

t.test('what is published', async t => {
  const all = createExperimentStory({ ...grid(2), publish: 'All' }).look()
  t.strictSame(all.job(2)?.spec?.output, { uri: 'pvc://models/home/trial-2' })
  all.ends(1, 0.9).ends(2, 0.8)
  t.equal(all.status.phase, 'Succeeded')
  const none = createExperimentStory({ ...grid(2), publish: 'None' }).look()
  none.ends(1, 0.9).ends(2, 0.8)
  t.equal(none.status.phase, 'Succeeded')
  t.equal(none.job(1)?.spec?.output.publish, false)
})

t.test('suspend stops the trials that run, and they go on', async t => {
  const story = createExperimentStory(grid(3)).look().ends(1, 0.5)
  story.edit({ suspend: true })
  t.strictSame(
    [1, 2, 3].map(trial => story.job(trial)?.spec?.suspend),
    [false, true, true],
  )
  t.equal(story.condition('Ready')?.reason, 'Stopping')
  story.says(2, { phase: 'Suspended' }).says(3, { phase: 'Suspended' })
  t.equal(story.status.phase, 'Suspended')
  story.edit({ suspend: false })
  t.strictSame(
    [2, 3].map(trial => story.job(trial)?.spec?.suspend),
    [false, false],
  )
  t.equal(story.status.phase, 'Running')
})

t.test('trials expire once the experiment has ended, not before', async t => {
  const story = createExperimentStory({
    ...grid(2),
    template: { ...SPEC, ttlSecondsAfterFinished: 60 },
  }).look()
  story.ends(1, 0.9).ends(2, 0.8)
  t.equal(story.job(2)?.spec?.ttlSecondsAfterFinished, undefined)
  story.ends(1, 0.9)
  t.equal(story.job(2)?.spec?.ttlSecondsAfterFinished, 60)
})

t.test('progress alone waits for its turn, and is told once', async t => {
  const story = createExperimentStory({ ...grid(4), parallelTrials: 2 }).look()
  const { status } = story
  const told = story.events.length
  story.hold(3_000).ends(1, 0.5)
  t.equal(story.status, status, 'nothing is written')
  t.equal(story.requeueAfterMs, 3_000)
  t.strictSame(story.made(), [1, 2, 3], 'and trials start all the same')
  t.strictSame(story.reasons().slice(told), ['TrialStarted'])
  story.ends(3, 0.6)
  t.strictSame(story.reasons().slice(told), ['TrialStarted', 'TrialStarted'])
  story.hold(0).look()
  t.match(story.status, { progress: '2/4', best: { trial: 3 } })
  t.strictSame(
    story.reasons().slice(told + 2),
    ['TrialSucceeded', 'TrialSucceeded'],
    'also of a trial that started and ended meanwhile',
  )
  t.equal(story.requeueAfterMs, undefined)
})

t.test('a phase does not wait', async t => {
  const story = createExperimentStory({ ...grid(2), publish: 'None' })
    .look()
    .hold(3_000)
  story.ends(1, 0.5)
  t.equal(story.status.progress, '0/2')
  story.ends(2, 0.6)
  t.match(story.status, { phase: 'Succeeded', progress: '2/2', best: { trial: 2 } })
})

t.test('the table keeps the best of many', async t => {
  const count = TRIAL_ROWS_MAX + 20
  const parameters = [
    { path: 'training.seed', values: values(60).map((_, i) => i) },
    { path: 'method.lora.rank', values: [8, 16] },
  ]
  const story = createExperimentStory({ parameters, parallelTrials: 100 }).look()
  for (let trial = 1; trial <= count; trial += 1) story.ends(trial, trial / 1000)
  t.equal(story.status.trials?.length, TRIAL_ROWS_MAX)
  t.equal(story.status.trialsLeftOut, 20)
  t.equal(story.status.counts?.succeeded, count)
  t.equal(story.status.best?.trial, count)
  t.equal(story.row(1), undefined)
  t.equal(story.row(count)?.score, count / 1000)
})

const aTrial = (number: number, assignment: Trial['assignment']): Trial => ({
  number,
  name: `search-trial-${number}`,
  assignment,
  phase: 'Failed',
  rung: 0,
  isActive: false,
  scoredRung: 0,
  message: '€'.repeat(512),
})

t.test('a long value is cut between two characters', async t => {
  const trial = aTrial(1, { 'model.source.uri': '😀'.repeat(1000) })
  const { trials } = tableOf([trial], anExperiment().spec, new Map())
  t.equal(trials?.[0]?.parameters['model.source.uri'], `"${'😀'.repeat(63)}…`)
})

t.test('rows are left out once they fill the room that they have', async t => {
  const long = Object.fromEntries(
    Array.from({ length: 16 }, (_, at) => [`training.field${at}`, '€'.repeat(2000)]),
  )
  const made = Array.from({ length: 100 }, (_, index) => aTrial(index + 1, long))
  const trials = made.map(trial => ({ ...trial, isActive: trial.number === 100 }))
  const table = tableOf(trials, anExperiment().spec, new Map())
  const shown = table.trials ?? []
  const bytes = Buffer.byteLength(JSON.stringify(shown))
  t.ok(bytes > 250_000 && bytes <= 256 * 1024, `${bytes}`)
  t.equal(shown.length + (table.trialsLeftOut ?? 0), 100)
  t.strictSame([shown.at(0)?.trial, shown.at(-1)?.trial], [1, 100], 'one that runs is in it')
})
