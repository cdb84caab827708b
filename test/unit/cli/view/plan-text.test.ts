import t from 'tap'
import type { DatasetSummary, Plan } from '../../../../crds/stage.ts'
import { planText } from '../../../../cli/src/view/plan-text.ts'

const dataset: DatasetSummary = {
  trainExamples: 5400,
  validationExamples: 600,
  trainTokens: 1234567,
  responseTokens: 4321,
  rows: 27,
  duplicates: 3,
  truncated: 2,
  dropped: 1,
  slices: { lights: 3000, heating: 2400 },
}
const plan: Plan = {
  modelParameters: 134_515_008,
  trainableParameters: 4_884_480,
  totalSteps: 120,
  tokensPerStep: 1024,
  microBatchSize: 4,
  recompute: true,
  estimatedMemoryBytes: 3 * 2 ** 30,
  estimatedSeconds: 340,
  fits: true,
}

t.test('examples, tokens, steps, parameters, memory and time', async t => {
  t.equal(
    planText({ dataset, plan }),
    [
      'examples        5,400 to train on, 600 held out',
      'tokens          1,234,567, of them 4,321 learned',
      'rows per epoch  27',
      'left out        1 dropped, 2 truncated, 3 duplicates',
      'slices          lights 3,000, heating 2,400',
      'parameters      134,515,008, of them 4,884,480 trained (3.63 %)',
      'steps           120 of about 1,024 tokens',
      'micro-batch     4 rows, activations computed again',
      'memory          about 3.0 GiB',
      'training time   about 5 min 40 s',
    ].join('\n'),
  )
})

t.test('of a plan that recomputes some layers it says how many', async t => {
  t.match(
    planText({ plan: { ...plan, recomputedLayers: 12 } }),
    'activations of 12 layers computed',
  )
  t.notMatch(planText({ plan: { ...plan, recompute: false } }), 'computed again')
})

t.test('what does not fit is said', async t => {
  t.match(planText({ plan: { ...plan, fits: false } }), 'about 3.0 GiB, more than this machine has')
  t.match(
    planText({ plan: { ...plan, fits: false, memoryLimit: 'Accelerator' } }),
    'about 3.0 GiB, more than resources.accelerator.memory',
  )
})

t.test('whether it fits is not claimed of an accelerator whose memory is unknown', async t => {
  const { fits: _, ...unknown } = plan
  t.match(
    planText({ plan: unknown }),
    "about 3.0 GiB; the accelerator's is not given (resources.accelerator.memory)",
  )
})

t.test('how full the rows are is said where it is known', async t => {
  t.match(
    planText({ dataset: { ...dataset, rowFullness: 0.9871 } }),
    /per epoch +27, 98.7 % full$/m,
  )
  t.match(planText({ dataset }), /per epoch +27$/m)
})

t.test('only the largest slices are listed', async t => {
  const slices = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`s${i}`, 9 - i]))
  t.match(planText({ dataset: { ...dataset, slices } }), /s7 2, …$/)
  t.notMatch(planText({ dataset: { ...dataset, slices: { all: 1 } } }), 'slices')
})
