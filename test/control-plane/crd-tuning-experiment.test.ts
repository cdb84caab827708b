import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { SPEC } from '../fixtures/operator/tuning-job.ts'

const CRD = join(import.meta.dirname, '../../crds/tuningexperiments.yaml')

const EXAMPLES = join(import.meta.dirname, '../../examples/experiments')

type Change = Readonly<Record<string, unknown>>
const manifest = (change: Change = {}, name = 'search') =>
  stringify({
    apiVersion: 'attune.dev/v1alpha1',
    kind: 'TuningExperiment',
    metadata: { name },
    spec: {
      template: SPEC,
      parameters: [{ path: 'training.learningRate', values: [0.0001, 0.001] }],
      strategy: { type: 'Grid' },
      ...change,
    },
  })

t.before(async () => {
  // without --server-side: the whole file has to fit into an annotation
  await kubectl(['apply', '--validate=strict', '-f', CRD])
  await kubectl(['wait', '--for=condition=Established', '--timeout=60s', '-f', CRD])
})

const HALVING = {
  template: { ...SPEC, training: { maxSteps: 90 } },
  strategy: { type: 'SuccessiveHalving', minSteps: 10 },
  maxTrials: 9,
}

const ACCEPTED: Readonly<Record<string, Change>> = {
  'only what is required': {},
  'values of every type': {
    parameters: [
      { path: 'training.packing', values: [true, false] },
      { path: 'training.schedule.type', values: ['Linear', 'Cosine'] },
      { path: 'method.lora.targetModules', values: [['q_proj'], ['q_proj', 'v_proj']] },
    ],
  },
  'a range': {
    parameters: [{ path: 'training.learningRate', range: { min: 1e-5, max: 1, scale: 'Log' } }],
    strategy: { type: 'Random' },
    maxTrials: 8,
  },
  'successive halving': HALVING,
  'early stopping': { earlyStopping: {} },
}

const REFUSED: Readonly<Record<string, readonly [Change, RegExp]>> = {
  'values and a range': [
    {
      parameters: [{ path: 'training.seed', values: [1], range: { min: 1, max: 2 } }],
    },
    /spec\.parameters\[0\].*must validate one and only one/s,
  ],
  'neither values nor a range': [
    { parameters: [{ path: 'training.seed' }] },
    /spec\.parameters\[0\].*must validate one and only one/s,
  ],
  'a range the wrong way round': [
    { parameters: [{ path: 'training.seed', range: { min: 2, max: 1 } }] },
    /min must be less than max/,
  ],
  'a Log range from 0': [
    { parameters: [{ path: 'training.seed', range: { min: 0, max: 1, scale: 'Log' } }] },
    /must begin above 0/,
  ],
  'a path twice': [
    {
      parameters: [
        { path: 'training.seed', values: [1] },
        { path: 'training.seed', values: [2] },
      ],
    },
    /Duplicate value/,
  ],
  'a path that must not vary': [
    { parameters: [{ path: 'evaluation.everySteps', values: [1] }] },
    /should match/,
  ],
  'Random without maxTrials': [{ strategy: { type: 'Random' } }, /maxTrials is required/],
  'halving without maxSteps': [{ ...HALVING, template: SPEC }, /template\.training\.maxSteps/],
  'halving and early stopping': [{ ...HALVING, earlyStopping: {} }, /leave earlyStopping out/],
  'minSteps for Grid': [{ strategy: { type: 'Grid', minSteps: 1 } }, /are for it alone/],
  'a loss to maximize': [{ objective: { metric: 'validationLoss' } }, /goal: Minimize/],
  'what the experiment decides': [{ template: { ...SPEC, suspend: true } }, /unknown field/],
  'a mistake in the template': [
    { template: { ...SPEC, training: { epochs: 1, maxSteps: 1 } } },
    /give epochs or maxSteps, not both/,
  ],
}

t.test('the API server accepts', async t => {
  const namespace = await testNamespace(t)
  for (const [name, change] of Object.entries(ACCEPTED)) {
    const args = ['create', '--dry-run=server', '-n', namespace, '-f', '-']
    await t.resolves(kubectl(args, manifest(change)), name)
  }
})

t.test('the API server accepts every example', async t => {
  const namespace = await testNamespace(t)
  for (const name of readdirSync(EXAMPLES)) {
    const file = join(EXAMPLES, name)
    await t.resolves(kubectl(['create', '--dry-run=server', '-n', namespace, '-f', file]), name)
  }
})

t.test('the API server refuses, and says why', async t => {
  const namespace = await testNamespace(t)
  for (const [name, [change, message]] of Object.entries(REFUSED)) {
    const args = ['create', '--dry-run=server', '-n', namespace, '-f', '-']
    await t.rejects(kubectl(args, manifest(change)), { message }, name)
  }
})

t.test('what shapes the trials cannot change, and how many run at once can', async t => {
  const namespace = await testNamespace(t)
  const apply = (change: Change) => kubectl(['apply', '-n', namespace, '-f', '-'], manifest(change))
  await apply({ maxTrials: 2 })
  const CHANGES: Readonly<Record<string, Change>> = {
    template: { template: { ...SPEC, training: { seed: 7 } } },
    values: { parameters: [{ path: 'training.learningRate', values: [0.0001, 0.01] }] },
    path: { parameters: [{ path: 'training.seed', values: [1] }] },
    strategy: { strategy: { type: 'Random' } },
    maxTrials: { maxTrials: 3 },
    objective: { objective: { metric: 'held-out/tokenF1' } },
    publish: { publish: 'All' },
    seed: { seed: 1 },
  }
  for (const [name, change] of Object.entries(CHANGES))
    await t.rejects(apply({ maxTrials: 2, ...change }), { message: /make another/ }, name)
  await t.resolves(apply({ maxTrials: 2, parallelTrials: 5, suspend: true, earlyStopping: {} }))
})
