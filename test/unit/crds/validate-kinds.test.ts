import t from 'tap'
import { validateManifest } from '../../../crds/validate.ts'

const errorsOf = (text: string) => validateManifest(text, { mode: 'cluster' }).errors

const DATASET = `apiVersion: attune.dev/v1alpha1
kind: InstructionDataset
metadata: { name: home }
spec:
  sources:
    - uri: pvc://datasets/home.jsonl
`
const MODEL = `apiVersion: attune.dev/v1alpha1
kind: BaseModel
metadata: { name: smollm2-135m.instruct }
spec:
  source: { uri: hf://owner/model }
  parameters: 135M
  architecture: LlamaForCausalLM
`
const POLICY = `apiVersion: attune.dev/v1alpha1
kind: TuningPolicy
metadata: { name: limits }
spec:
  maxSequenceLength: 512
`
const EXPERIMENT = `apiVersion: attune.dev/v1alpha1
kind: TuningExperiment
metadata: { name: search }
spec:
  template:
    model: { source: { uri: hf://owner/model } }
    dataset: { sources: [{ uri: pvc://datasets/home.jsonl }] }
    output: { uri: pvc://models/home }
  strategy: { type: Grid }
  parameters:
    - path: training.learningRate
      values: [0.0001, 0.001]
`

t.test('one of each kind in one text', async t => {
  const text = [DATASET, MODEL, POLICY, EXPERIMENT].join('---\n')
  const { errors, names, experiments } = validateManifest(text, { mode: 'cluster' })
  t.strictSame(errors, [])
  t.strictSame(names, ['home', 'smollm2-135m.instruct', 'limits', 'search'])
  t.match(experiments, [{ spec: { parallelTrials: 1, template: { training: { seed: 42 } } } }])
})

type Case = readonly [text: string, path: string, line: number, column: number, message: RegExp]

const CASES: Readonly<Record<string, Case>> = {
  'a slip in a field of a dataset': [
    `${DATASET}      formt: Auto\n`,
    'spec.sources[0].formt',
    ...([7, 7] as const),
    /^unknown field; did you mean format\?/,
  ],
  'a bound in a dataset': [
    `${DATASET}  validation: { fraction: 0.9 }\n`,
    'spec.validation.fraction',
    ...([7, 27] as const),
    /^must be at most 0\.5, not 0\.9$/,
  ],
  'a rule of a dataset': [
    `${DATASET}  validation: { fraction: 0.1, sources: [{ uri: pvc://d/v.jsonl }] }\n`,
    'spec.validation',
    ...([7, 15] as const),
    /^give fraction or sources, not both$/,
  ],
  'a file of this machine in a dataset': [
    DATASET.replace('pvc://', 'file://'),
    'spec.sources[0].uri',
    ...([6, 12] as const),
    /use pvc:\/\//,
  ],
  'a name of a dataset': [
    DATASET.replace('home }', 'home.1 }'),
    'metadata.name',
    ...([3, 19] as const),
    /^must be a DNS-1123 label/,
  ],
  'a name of a model': [
    MODEL.replace('smollm2-135m.instruct', 'SmolLM2_135M'),
    'metadata.name',
    ...([3, 19] as const),
    /^must be a DNS-1123 subdomain: .*not "SmolLM2_135M"$/,
  ],
  'a number in words': [
    MODEL.replace('135M', '135 million'),
    'spec.parameters',
    ...([6, 15] as const),
    /a count with K, M, B or T, such as 135M or 1\.1B, not "135 million"$/,
  ],
  'a figure in percent': [
    `${MODEL}  benchmarks: { ifeval: 23 }\n`,
    'spec.benchmarks.ifeval',
    ...([8, 25] as const),
    /^must be at most 1, not 23$/,
  ],
  'a model without its class': [
    MODEL.replace(/ {2}architecture.*\n/, ''),
    'spec.architecture',
    ...([4, 1] as const),
    /^is required$/,
  ],
  'a method in other letters': [
    `${POLICY}  allowedMethods: [Lora]\n`,
    'spec.allowedMethods[0]',
    ...([6, 20] as const),
    /did you mean LoRA\?$/,
  ],
  'an output that no pod can write': [
    `${POLICY}  allowedOutputs: [file://x]\n`,
    'spec.allowedOutputs[0]',
    ...([6, 20] as const),
    /^must be pvc:\/\/…, not "file:\/\/x"$/,
  ],
  'a selector without values': [
    `${POLICY}  namespaceSelector: { matchExpressions: [{ key: a, operator: In }] }\n`,
    'spec.namespaceSelector.matchExpressions[0]',
    ...([6, 43] as const),
    /^In and NotIn need values/,
  ],
  'a field that an experiment cannot vary': [
    EXPERIMENT.replace('learningRate', 'learningrate'),
    'spec.parameters[0].path',
    ...([11, 13] as const),
    /did you mean training\.learningRate\?$/,
  ],
  'a value that its field does not take': [
    EXPERIMENT.replace('0.001]', '7]'),
    'spec.parameters[0].values[1]',
    ...([12, 24] as const),
    /spec\.training\.learningRate must be at most 1, not 7$/,
  ],
  'values and a range': [
    `${EXPERIMENT}      range: { min: 0.1, max: 0.2 }\n`,
    'spec.parameters[0]',
    ...([11, 7] as const),
    /^give exactly one of values and range$/,
  ],
  'a grid that is too large': [
    EXPERIMENT.replace('  strategy', '  maxTrials: 1\n  strategy'),
    'spec.maxTrials',
    ...([9, 14] as const),
    /^the grid has 2 combinations, and maxTrials is 1; use fewer values/,
  ],
  'a mistake in the template': [
    EXPERIMENT.replace('  strategy', '    training: { epochs: 1, maxSteps: 2 }\n  strategy'),
    'spec.template.training',
    ...([9, 15] as const),
    /^give epochs or maxSteps, not both$/,
  ],
  'a field that the experiment itself decides': [
    EXPERIMENT.replace('  strategy', '    suspend: true\n  strategy'),
    'spec.template.suspend',
    ...([9, 5] as const),
    /^unknown field/,
  ],
}

t.test('names field, place, value and what to do, whatever the kind', async t => {
  for (const [name, [text, path, line, column, message]] of Object.entries(CASES)) {
    const errors = errorsOf(text)
    t.equal(errors.length, 1, name)
    t.match(errors[0], { path, line, column, message }, name)
  }
})

t.test('places are those of the document that they are in', async t => {
  const text = [DATASET, EXPERIMENT.replace('0.001]', '7]'), MODEL.replace('135M', 'x')].join(
    '---\n',
  )
  t.match(errorsOf(text), [
    { path: 'spec.parameters[0].values[1]', line: 19 },
    { path: 'spec.parameters', line: 26 },
  ])
})

t.test('trials take their models from the catalogue', async t => {
  const varied = EXPERIMENT.replace('{ source: { uri: hf://owner/model } }', '{ ref: { name: a } }')
    .replace('training.learningRate', 'model.ref.name')
    .replace('[0.0001, 0.001]', '[smollm2-135m.instruct, other]')
  const { errors } = validateManifest(`${MODEL}---\n${varied}`, { mode: 'cluster', catalogue: [] })
  t.match(errors, [{ path: 'spec.parameters[0].path', message: /^trial 2 .*other/ }])
  t.strictSame(validateManifest(varied, { mode: 'cluster' }).errors, [], 'unless it is not known')
})
