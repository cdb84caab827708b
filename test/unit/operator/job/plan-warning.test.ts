import type { Plan } from '@attune/crds/stage.ts'
import t from 'tap'
import { createStory } from '../../../fixtures/operator/story.ts'
import { aResult } from '../../../fixtures/operator/tuning-job.ts'

const tight: Plan = {
  ...(aResult('prepare').plan as Plan),
  estimatedMemoryBytes: 6.25 * 2 ** 30,
  fits: false,
}

const told = (plan: Plan, spec = {}) => {
  const story = createStory({ resources: { limits: { memory: '4Gi' } }, ...spec }).look()
  story.succeeds(1, 'prepare', { plan })
  const events = story.events.filter(({ reason }) => reason === 'PlanExceedsMemory')
  return { story, events }
}

t.test('an estimate over the limit is a warning, and training is tried all the same', async t => {
  const { story, events } = told(tight)
  t.match(events, [
    { type: 'Warning', message: /6\.3 GiB for 4 rows at once, over .*memory 4Gi; .*half as many/ },
  ])
  t.match(story.status.plan, { fits: false })
  t.equal(story.status.phase, 'Training')
})

t.test('at one row at a time there is nothing to halve', async t => {
  const { events } = told({ ...tight, microBatchSize: 1 })
  t.match(events, [{ message: /for 1 row at once.*training\.sequenceLength/ }])
})

t.test('an estimate within the limit is no news', async t => {
  t.strictSame(told({ ...tight, fits: true }).events, [])
})

t.test('a run that takes the plan over is warned too', async t => {
  const { story } = told(tight)
  story.edit({ training: { learningRate: 0.5 }, resources: { limits: { memory: '4Gi' } } }).look()
  const events = story.events.filter(({ reason }) => reason === 'PlanExceedsMemory')
  t.equal(events.length, 2)
  t.match(events[1]?.message, /^run 2/)
})

t.test('on an accelerator the warning names its memory', async t => {
  const plan: Plan = { ...tight, memoryLimit: 'Accelerator' }
  const spec = { resources: { limits: { memory: '64Gi' }, accelerator: { memory: '4Gi' } } }
  t.match(told(plan, spec).events, [
    { message: /over resources\.accelerator\.memory 4Gi; if memory runs out, .*half as many/ },
  ])
  t.match(told({ ...plan, microBatchSize: 1 }, spec).events, [
    { message: /ask for an accelerator with more memory or lower training\.sequenceLength/ },
  ])
})

t.test('where nobody says how much memory there is, there is no warning', async t => {
  const { fits: _, ...unknown } = tight
  const { story, events } = told(unknown, { resources: { accelerator: {} } })
  t.strictSame(events, [])
  t.equal(story.status.phase, 'Training')
  t.notOk('fits' in (story.status.plan ?? {}))
})
