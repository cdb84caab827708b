import { resolveExperimentSpec } from '@attune/crds/defaults.ts'
import type { TuningExperimentSpec } from '@attune/crds/tuning-experiment-spec.ts'
import t from 'tap'
import { experimentProblems } from '../../../../crds/experiment/experiment-problems.ts'
import { runSteps } from '../../../../crds/experiment/steps.ts'
import { formatPath } from '../../../../crds/schema-node.ts'
import { specProblem } from '../../../../operator/src/experiment/spec-problem.ts'
import { SPEC } from '../../../fixtures/operator/tuning-job.ts'

const RATE = 'training.learningRate'
const RANK = 'method.lora.rank'
type Change = Partial<TuningExperimentSpec>

const specOf = (change: Change) =>
  resolveExperimentSpec({
    template: SPEC,
    parameters: [{ path: RATE, values: [0.0001, 0.001] }],
    strategy: { type: 'Grid' },
    ...change,
  })
const problems = (change: Change) =>
  experimentProblems(specOf(change), 'cluster').map(({ path, message }) => [
    formatPath(path),
    message,
  ])
const RANDOM: Change = {
  parameters: [{ path: RANK, range: { min: 4, max: 64 } }],
  strategy: { type: 'Random' },
  maxTrials: 9,
}
const halving = (minSteps: number, maxSteps: number, change: Change = {}): Change => ({
  ...RANDOM,
  template: { ...SPEC, training: { maxSteps } },
  strategy: { type: 'SuccessiveHalving', minSteps, reductionFactor: 3 },
  ...change,
})

const CASES: Readonly<Record<string, readonly [Change, string, RegExp]>> = {
  'a field that is not there': [
    { parameters: [{ path: 'training.learningrate', values: [1] }] },
    'spec.parameters[0].path',
    /^training\.learningrate is no field .*did you mean training\.learningRate\?$/,
  ],
  'a section': [
    { parameters: [{ path: 'method.lora', values: [1] }] },
    'spec.parameters[0].path',
    /no field .*one below it, such as method\.lora\.rank/,
  ],
  'what the experiment decides': [
    { parameters: [{ path: 'training.stopAfterSteps', values: [1] }] },
    'spec.parameters[0].path',
    /no field/,
  ],
  'a range of words': [
    { ...RANDOM, parameters: [{ path: 'training.schedule.type', range: { min: 1, max: 2 } }] },
    'spec.parameters[0].range',
    /training\.schedule\.type is not a number; give values/,
  ],
  'a grid without a step': [
    { parameters: [{ path: RATE, range: { min: 0.1, max: 0.2 } }] },
    'spec.parameters[0].range',
    /needs a step/,
  ],
  'a step that is too small': [
    { parameters: [{ path: RATE, range: { min: 0.1, max: 0.2, step: 1e-9 } }] },
    'spec.parameters[0].range',
    /points; at most 500: use a larger step/,
  ],
  'a value twice': [
    { parameters: [{ path: RANK, values: [8, 16, 8] }] },
    'spec.parameters[0].values[2]',
    /^8 stands in the list twice/,
  ],
  'a grid that is larger than maxTrials': [
    { parameters: [{ path: RATE, values: [0.1, 0.2, 0.3] }], maxTrials: 2 },
    'spec.maxTrials',
    /^the grid has 3 combinations, and maxTrials is 2; use fewer values/,
  ],
  'a grid that is larger than any experiment': [
    {
      parameters: [
        { path: 'training.seed', values: Array.from({ length: 60 }, (_, i) => i) },
        { path: RANK, range: { min: 1, max: 9, step: 1 } },
      ],
    },
    'spec.parameters',
    /60 × 9 = 540 combinations, and at most 500/,
  ],
  'a metric that nobody measures': [
    { objective: { metric: 'other/exactMatch' } },
    'spec.objective.metric',
    /no suite measures other\/exactMatch; the suites measure held-out\/exactMatch/,
  ],
  'a score without a suite': [
    { template: { ...SPEC, evaluation: { suites: [] } } },
    'spec.template.evaluation.suites',
    /without a suite there is no score; add one/,
  ],
  'a value that a job refuses': [
    { parameters: [{ path: RATE, values: [0.1, 7] }] },
    'spec.parameters[0].values[1]',
    /^trial 2 \(.*7.*\): spec\.training\.learningRate must be at most 1, not 7$/,
  ],
  'a value of another type': [
    { parameters: [{ path: RANK, values: ['8'] }] },
    'spec.parameters[0].values[0]',
    /must be an integer, not "8" \(leave out the quotes\)/,
  ],
  'a value that is bad in many trials is told once': [
    {
      parameters: [
        { path: RATE, values: [7] },
        { path: RANK, values: [8, 16, 32] },
      ],
    },
    'spec.parameters[0].values[0]',
    /not 7 \(and 2 more trials\)$/,
  ],
  'a range beyond what a job takes': [
    { ...RANDOM, parameters: [{ path: RATE, range: { min: 2, max: 3 } }] },
    'spec.parameters[0].range',
    /must be at most 1, not [23].* \(and 8 more trials\)/,
  ],
  'a combination that a job refuses': [
    {
      template: { ...SPEC, training: { epochs: 2 } },
      parameters: [{ path: 'training.maxSteps', values: [10] }],
    },
    'spec.parameters[0].path',
    /^trial 1 .*spec\.training give epochs or maxSteps, not both/,
  ],
  'a length that halving decides': [
    halving(10, 90, { parameters: [{ path: 'training.maxSteps', values: [10, 20] }] }),
    'spec.parameters[0].path',
    /SuccessiveHalving decides/,
  ],
  'halving with one trial': [
    halving(10, 90, { maxTrials: 1 }),
    'spec.maxTrials',
    /nothing to choose/,
  ],
  'halving where the space has one trial': [
    halving(10, 90, { parameters: [{ path: RANK, values: [8] }] }),
    'spec.parameters',
    /nothing to choose/,
  ],
  'rungs that have nobody to choose from': [
    halving(1, 90),
    'spec.strategy.minSteps',
    /^1 makes 6 rungs, and of 9 trials one is left after 2; raise it to 10, or raise maxTrials/,
  ],
}

t.test('what cannot work is told where it stands', async t => {
  for (const [name, [change, path, message]] of Object.entries(CASES)) {
    const found = problems(change)
    t.equal(found.length, 1, name)
    t.match(found[0], [path, message], name)
  }
})

t.test('what can work has no problem', async t => {
  const fine: Readonly<Record<string, Change>> = {
    'a grid': {},
    'drawn trials': RANDOM,
    halving: halving(10, 90),
    'halving with a length that is no power': halving(10, 100),
    'lists as values': {
      parameters: [{ path: 'method.lora.targetModules', values: [['q_proj'], ['v_proj']] }],
    },
  }
  for (const [name, change] of Object.entries(fine)) t.strictSame(problems(change), [], name)
})

t.test('every parameter, every value and the objective are told of at once', async t => {
  const found = problems({
    parameters: [
      { path: 'training.rate', values: [1] },
      { path: RANK, range: { min: 1, max: 2 } },
      { path: RATE, values: [0.1, 7] },
    ],
    objective: { metric: 'other/exactMatch' },
  })
  t.strictSame(
    found.map(([path]) => path),
    [
      'spec.parameters[0].path',
      'spec.parameters[1].range',
      'spec.parameters[2].values[1]',
      'spec.objective.metric',
    ],
  )
})

t.test('file:// may be varied on this machine and not in a cluster', async t => {
  const parameters = [{ path: 'model.source.uri', values: ['file://a', 'hf://o/m'] }]
  t.match(problems({ parameters }), [['spec.parameters[0].values[0]', /only|works/]])
  t.strictSame(experimentProblems(specOf({ parameters }), 'local'), [])
})

t.test('the operator says the first of them in one line', async t => {
  const spec = specOf({ parameters: [{ path: RATE, values: [0.1, 7] }] })
  t.match(runSteps(specProblem(spec)), /^spec\.parameters\[0\]\.values\[1\]: trial 2 /)
  t.equal(runSteps(specProblem(specOf({}))), undefined)
})
