import t from 'tap'
import type { BaseModelSpec } from '../../../../crds/base-model-spec.ts'
import { misses } from '../../../../crds/selection/requirements.ts'
import { parseCount } from '../../../../crds/spec/scaled-count.ts'
import { aBaseModel } from '../../../fixtures/crds/a-base-model.ts'

type Requirements = NonNullable<Parameters<typeof misses>[1]>

const PUBLISHED: Partial<BaseModelSpec> = {
  parameters: '1.1B',
  contextLength: 4096,
  license: 'apache-2.0',
  languages: ['en', 'de'],
  benchmarks: { ifeval: 0.3 },
  tuned: true,
}

const TABLE: Readonly<Record<string, [Requirements, string[]]>> = {
  'nothing required': [{}, []],
  'all of it met': [
    {
      maxParameters: '1.1B',
      minContextLength: 4096,
      licenses: ['mit', 'apache-2.0'],
      languages: ['de'],
      architectures: ['LlamaForCausalLM'],
      minBenchmarks: { ifeval: 0.3 },
      tuned: true,
    },
    [],
  ],
  'a number in digits': [
    { maxParameters: 1_000_000_000 },
    ['parameters 1.1B, needs at most 1000000000'],
  ],
  'too large': [{ maxParameters: '1B' }, ['parameters 1.1B, needs at most 1B']],
  'too short': [{ minContextLength: 8192 }, ['contextLength 4096, needs 8192']],
  'another license': [{ licenses: ['mit', 'bsd'] }, ['license apache-2.0, needs mit or bsd']],
  'one language of two': [{ languages: ['en', 'fr'] }, ['languages without fr']],
  'another architecture': [
    { architectures: ['DeciLMForCausalLM'] },
    ['architecture LlamaForCausalLM, needs DeciLMForCausalLM'],
  ],
  'a low figure and none': [
    { minBenchmarks: { ifeval: 0.4, mmlu: 0.1 } },
    ['benchmark ifeval 0.3, needs 0.4', 'benchmark mmlu not published, needs 0.1'],
  ],
  'a name that every object has': [
    { minBenchmarks: { constructor: 0 } },
    ['benchmark constructor not published, needs 0'],
  ],
  'a base model wanted': [{ tuned: false }, ['tuned to follow instructions']],
}

for (const [name, [wanted, expected]] of Object.entries(TABLE))
  t.test(name, async t => {
    t.strictSame(misses(aBaseModel('m', PUBLISHED).spec, wanted), expected)
  })

t.test('a fact that is not published meets no requirement on it', async t => {
  const wanted = { minContextLength: 1, licenses: ['mit'], languages: ['en'], tuned: true }
  t.strictSame(misses(aBaseModel('m').spec, wanted), [
    'contextLength not published, needs 1',
    'license not published, needs mit',
    'languages without en',
    'not tuned to follow instructions',
  ])
})

t.test('an architecture that cannot be tuned never fits', async t => {
  const spec = aBaseModel('m', { architecture: 'MambaForCausalLM' }).spec
  t.match(misses(spec, { architectures: ['MambaForCausalLM'] }), [
    /^architecture MambaForCausalLM cannot be tuned, only LlamaForCausalLM/,
  ])
})

t.test('counts as model cards write them', async t => {
  for (const [text, value] of [
    [7, 7],
    ['7', 7],
    ['135M', 135e6],
    ['1.1B', 1_100_000_000],
    ['0.49B', 490_000_000],
    ['2T', 2e12],
    ['3.5K', 3500],
  ] as const)
    t.equal(parseCount(text), value, String(text))
  for (const text of ['', 'B', '1 B', '-1B', '1e9', '1G', '1.B'])
    t.ok(Number.isNaN(parseCount(text)), text)
})
