import t from 'tap'
import { validateManifest } from '../../../crds/validate.ts'
import { ACCEPTED, REFUSED } from '../../fixtures/crds/manifests.ts'

const cluster = (text: string) => validateManifest(text, { mode: 'cluster' })

t.test('accepts what the API server accepts', async t => {
  for (const [name, text] of Object.entries(ACCEPTED)) {
    const { job, errors } = cluster(text)
    t.strictSame(errors, [], name)
    t.ok(job, name)
  }
})

t.test('refuses what the API server refuses', async t => {
  for (const [name, text] of Object.entries(REFUSED)) {
    const { job, errors } = cluster(text)
    t.not(errors.length, 0, name)
    t.notOk(job, name)
  }
})

const JOB = `apiVersion: attune.dev/v1alpha1
kind: InstructionTuningJob
metadata: {name: home}
spec:
  model:
    source: {uri: "hf://o/m"}
  dataset:
    sources:
      - uri: pvc://d/a.jsonl
  output: {uri: "pvc://m/h"}
`

t.test('names field, place, reason and what to do', async t => {
  const cases: Readonly<
    Record<string, { lines: string; error: Readonly<Record<string, unknown>> }>
  > = {
    'a slip in a field name': {
      lines: '  training:\n    batchsize: 4\n',
      error: {
        ...{ path: 'spec.training.batchsize', line: 12, column: 5, reason: 'UnknownField' },
        message: /^unknown field; did you mean batchSize\? allowed here: epochs, maxSteps,/,
      },
    },
    'a number in quotes': {
      lines: '  training: {seed: "7"}\n',
      error: {
        ...{ path: 'spec.training.seed', line: 11, column: 20, reason: 'FieldValueTypeInvalid' },
        message: 'must be an integer, not "7" (leave out the quotes)',
      },
    },
    'a word in other letters': {
      lines: '  training:\n    schedule: {type: cosine}\n',
      error: {
        ...{ path: 'spec.training.schedule.type', line: 12, column: 22 },
        message:
          'must be Constant, Linear, Cosine or WarmupStableDecay, not "cosine"; did you mean Cosine?',
        reason: 'FieldValueNotSupported',
      },
    },
    'a bound': {
      lines: '  training: {learningRate: 0}\n',
      error: { message: 'must be greater than 0, not 0', reason: 'FieldValueInvalid' },
    },
    'a rule': {
      lines: '  training: {epochs: 1, maxSteps: 1}\n',
      error: {
        ...{ path: 'spec.training', line: 11, column: 13 },
        message: 'give epochs or maxSteps, not both',
      },
    },
    'a rule on an item': {
      lines: '  evaluation:\n    gates:\n      - metric: held-out/exactMatch\n',
      error: {
        ...{ path: 'spec.evaluation.gates[0]', line: 13, column: 9 },
        message: 'give exactly one of atLeast, improvesOnBaseBy, maxSliceGap',
      },
    },
    'a rule that tells what is there': {
      lines:
        '  evaluation:\n    suites: [{name: a}, {name: b, metrics: [tokenF1]}]\n    gates: [{metric: b/exactMatch, atLeast: 0}, {metric: a/tokenF1, atLeast: 0}]\n',
      error: {
        ...{ path: 'spec.evaluation.gates', line: 13, column: 12 },
        message:
          'no suite measures ["b/exactMatch"]; the suites measure ["a/exactMatch", "a/tokenF1", "b/tokenF1"]',
      },
    },
    'a rule where nothing is there': {
      lines: '  evaluation: {suites: [], gates: [{metric: held-out/tokenF1, atLeast: 1}]}\n',
      error: { message: 'no suite measures ["held-out/tokenF1"]; the suites measure []' },
    },
    'slices that the data does not name': {
      lines: '  evaluation: {gates: [{metric: held-out/tokenF1, maxSliceGap: 0.1}]}\n',
      error: {
        path: 'spec.evaluation.gates',
        message:
          'maxSliceGap compares slices: name the key that tells them in dataset.categoryColumn',
      },
    },
    'a share in percent': {
      lines: '  evaluation: {gates: [{metric: held-out/tokenF1, atLeast: 80}]}\n',
      error: { path: 'spec.evaluation.gates[0].atLeast', message: 'must be at most 1, not 80' },
    },
    'a variant in the place of the type': {
      lines: '  method: {type: DoRA}\n',
      error: {
        path: 'spec.method.type',
        message: /not "DoRA"; DoRA is a variant: type LoRA, and method\.lora\.variant: DoRA$/,
      },
    },
    'a quantity that is none': {
      lines: '  workspace: {size: 20 gigs}\n',
      error: {
        message:
          'must be a number with a unit of Kubernetes, such as 500m, 2, 8Gi or 1.5G, not "20 gigs"',
      },
    },
    'a name that is none': {
      lines: '  queueName: Team_A\n',
      error: {
        message:
          'must have only small letters, digits, - and ., and begin and end with a letter or digit, not "Team_A"',
      },
    },
    'a metric that no suite has': {
      lines: '  evaluation: {gates: [{metric: held-out/bleu, atLeast: 0}]}\n',
      error: {
        message: 'must be <suite>/exactMatch or <suite>/tokenF1, not "held-out/bleu"',
      },
    },
    'an item twice': {
      lines: '  method: {lora: {targetModules: [q_proj, q_proj]}}\n',
      error: { path: 'spec.method.lora.targetModules', reason: 'FieldValueDuplicate' },
    },
    'a name twice in a map list': {
      lines: '  evaluation: {suites: [{name: a}, {name: a}]}\n',
      error: { path: 'spec.evaluation.suites', message: 'two items have the same name' },
    },
    'a key twice': {
      lines: '  suspend: true\n  suspend: true\n',
      error: { path: '', line: 12, column: 3, reason: 'YamlSyntax' },
    },
    'a broken flow': {
      lines: '  training: {seed: 1\n',
      error: { reason: 'YamlSyntax' },
    },
  }
  for (const [name, { lines, error }] of Object.entries(cases)) {
    const { errors } = cluster(JOB + lines)
    t.equal(errors.length, name === 'a broken flow' ? errors.length : 1, name)
    t.match(errors[0], error, name)
  }
})

t.test('an error in metadata is shown where its field stands', async t => {
  const cases: Readonly<Record<string, readonly [string, Readonly<Record<string, unknown>>]>> = {
    'a name in capitals': [
      'name: Home',
      {
        path: 'metadata.name',
        line: 4,
        column: 9,
        message: /^must be a DNS-1123 label: at most 63/,
      },
    ],
    'a name that is too long': [
      `name: ${'a'.repeat(64)}`,
      { path: 'metadata.name', line: 4, column: 9, message: /^must be a DNS-1123 label/ },
    ],
    'a name that is a number': ['name: 1', { path: 'metadata.name', line: 4, column: 9 }],
    'no name': ['namespace: a', { path: 'metadata.name', line: 3, column: 1 }],
    'a namespace in capitals': [
      'name: home\n  namespace: A',
      { path: 'metadata.namespace', line: 5, column: 14 },
    ],
    'a label with a blank': [
      'name: home\n  labels: {a: b c}',
      { path: 'metadata.labels.a', line: 5, column: 15 },
    ],
  }
  for (const [name, [lines, error]] of Object.entries(cases)) {
    const { errors } = cluster(JOB.replace('metadata: {name: home}', `metadata:\n  ${lines}`))
    t.equal(errors.length, 1, name)
    t.match(errors[0], error, name)
  }
})

t.test('a second way to name the model is refused', async t => {
  const text = JOB.replace('    source: {', '    ref: {name: x}\n    source: {')
  t.match(cluster(text).errors, [
    { path: 'spec.model', line: 6, message: /exactly one of source, ref and selector/ },
  ])
})

t.test('a missing field is shown where its object stands', async t => {
  t.match(cluster(JOB.replace(/ {2}output.*\n/, '')).errors, [
    { path: 'spec.output', line: 4, column: 1, message: 'is required' },
  ])
})

t.test('a field behind an anchor is found', async t => {
  const text = `${JOB}  training: {optimizer: &o {beta1: 2}}\n`
  t.match(cluster(text).errors, [{ path: 'spec.training.optimizer.beta1', line: 11, column: 36 }])
})

t.test('every error is found at once, in the order of the text', async t => {
  const text = `${JOB}  training: {epochs: 0, seed: x}\n  retry: {limit: -1}\n  bogus: 1\n`
  t.strictSame(
    cluster(text).errors.map(error => error.path),
    ['spec.training.epochs', 'spec.training.seed', 'spec.retry.limit', 'spec.bogus'],
  )
})

t.test('file:// may be used on this machine and not in a cluster', async t => {
  const text = JOB.replace('pvc://d/a.jsonl', 'file://a.jsonl')
  t.match(cluster(text).errors, [
    {
      path: 'spec.dataset.sources[0].uri',
      message: 'file:// works only with `attune run`; use pvc://, hf:// or https://',
    },
  ])
  t.strictSame(validateManifest(text, { mode: 'local' }).errors, [])
})

t.test('objects of other groups in the file are passed over', async t => {
  const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nanything: [goes]\n'
  const { jobs, errors } = cluster(`${secret}---\n${JOB}---\n${JOB.replace('home', 'other')}`)
  t.strictSame(errors, [])
  t.strictSame(
    jobs.map(job => job.metadata.name),
    ['home', 'other'],
  )
  t.match(cluster(secret).errors, [{ message: /holds nothing of attune\.dev\/v1alpha1/ }])
})

t.test('lines are counted over documents', async t => {
  const { errors } = cluster(`${JOB}---\n${JOB.replace('home', 'other')}  bogus: 1\n`)
  t.match(errors, [{ path: 'spec.bogus', line: 22 }])
})

t.test('an object that stands twice in a text is told of', async t => {
  const message = /twice, first in line 1; give one of the two another name/
  t.match(cluster(`${JOB}---\n${JOB}`).errors, [
    { path: 'metadata.name', line: 14, column: 18, reason: 'FieldValueDuplicate', message },
  ])
  const elsewhere = JOB.replace('name: home', 'name: home, namespace: b')
  t.strictSame(cluster(`${JOB}---\n${elsewhere}`).errors, [])
})

t.test('what is too large, too deep or too entangled is refused', async t => {
  const bomb = Array.from(
    { length: 12 },
    (_, i) => `  a${i}: &a${i} [${i ? Array(9).fill(`*a${i - 1}`) : 'x'}]`,
  )
  const cases: Readonly<Record<string, [string, RegExp]>> = {
    'a large text': [`#${'x'.repeat(1 << 20)}`, /bytes; at most 1048576/],
    'many documents': ['---\na: 1\n'.repeat(101), /101 documents; at most 100/],
    'deep nesting': ['['.repeat(20_000), /nested too deeply/],
    'aliases of aliases': [`a:\n${bomb.join('\n')}\n`, /[Aa]lias/],
  }
  for (const [name, [text, message]] of Object.entries(cases))
    t.match(cluster(text).errors[0]?.message, message, name)
})
