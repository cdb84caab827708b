import t from 'tap'
import { fillDefaults, resolveSpec } from '../../../crds/defaults.ts'
import type { InstructionTuningJobSpec } from '../../../crds/instruction-tuning-job-spec.ts'
import type { SchemaNode } from '../../../crds/schema-node.ts'

const SPEC: InstructionTuningJobSpec = {
  model: { source: { uri: 'hf://o/m' } },
  dataset: { sources: [{ uri: 'pvc://d/a.jsonl' }] },
  output: { uri: 'pvc://m/h' },
}

t.test('every section is there with its defaults', async t => {
  t.match(resolveSpec(SPEC), {
    dataset: { sources: [{ format: 'Auto' }], validation: {}, lossOn: 'Response' },
    method: { type: 'LoRA', lora: { rank: 16, alpha: 32, targetModules: ['all-linear'] } },
    training: { batchSize: 16, microBatchSize: 'Auto', optimizer: { beta2: 0.999 } },
    evaluation: { gates: [], suites: [{ name: 'held-out', metrics: ['exactMatch', 'tokenF1'] }] },
    suspend: false,
    retry: { limit: 3 },
  })
})

t.test('a resolved spec stays as it is', async t => {
  const once = resolveSpec(SPEC)
  t.strictSame(resolveSpec(once as unknown as InstructionTuningJobSpec), once)
})

t.test('the given spec is not changed, and defaults are not shared', async t => {
  const given = structuredClone(SPEC)
  const first = resolveSpec(given)
  t.strictSame(given, SPEC)
  t.not(first.evaluation.suites, resolveSpec(given).evaluation.suites)
})

t.test('nulls, lists and maps are treated as the API server treats them', async t => {
  const node: SchemaNode = {
    type: 'object',
    properties: {
      a: { type: 'integer', default: 1 },
      b: { type: 'string' },
      list: { type: 'array', items: { type: 'object', properties: { c: { default: 2 } } } },
      map: { type: 'object', additionalProperties: { type: 'string' } },
      none: { type: 'object', properties: { d: { default: 3 } } },
    },
  }
  const cases: readonly (readonly [string, unknown, unknown])[] = [
    ['a null with a default becomes the default', { a: null }, { a: 1 }],
    ['a null without a default goes', { a: 0, b: null }, { a: 0 }],
    ['items are filled', { a: 0, list: [{}, { c: 0 }] }, { a: 0, list: [{ c: 2 }, { c: 0 }] }],
    ['a null in a list stays', { a: 0, list: [null] }, { a: 0, list: [null] }],
    ['a null in a map goes', { a: 0, map: { x: null, y: 'z' } }, { a: 0, map: { y: 'z' } }],
    ['a section without a default is not made', {}, { a: 1 }],
    ['what is of another type stays', { a: 'x', list: 'y' }, { a: 'x', list: 'y' }],
  ]
  for (const [name, given, filled] of cases) t.strictSame(fillDefaults(given, node), filled, name)
})

t.test('a key that objects inherit is no field', async t => {
  const text = '{"constructor": 1, "__proto__": {"a": 2}}'
  const filled = fillDefaults(JSON.parse(text), { type: 'object', properties: {} })
  t.equal(JSON.stringify(filled), JSON.stringify(JSON.parse(text)))
})
