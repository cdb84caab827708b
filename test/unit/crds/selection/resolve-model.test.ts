import t from 'tap'
import { resolveModel } from '../../../../crds/selection/resolve-model.ts'
import { aBaseModel } from '../../../fixtures/crds/a-base-model.ts'

const many = (count: number, change: Parameters<typeof aBaseModel>[1] = {}) =>
  Array.from({ length: count }, (_, i) => aBaseModel(`m${String(i).padStart(3, '0')}`, change))
const selector = { require: { maxParameters: '1B' }, weights: { parameters: 1 } }

t.test('a source needs no catalogue', async t => {
  t.equal(resolveModel({ source: { uri: 'hf://o/m' } }, []), undefined)
})

t.test('a reference stands for the source of that entry', async t => {
  const source = { uri: 'hf://o/gated', credentialsSecret: { name: 'hub' } }
  t.strictSame(
    resolveModel({ ref: { name: 'b' } }, [aBaseModel('a'), aBaseModel('b', { source })]),
    {
      kind: 'resolved',
      baseModel: 'b',
      source,
      selection: { baseModel: 'b', source },
    },
  )
})

t.test('a reference to nothing waits', async t => {
  t.match(resolveModel({ ref: { name: 'b' } }, [aBaseModel('a')]), {
    kind: 'unresolved',
    reason: 'WaitingForModel',
    message: 'BaseModel b does not exist',
  })
})

t.test('the best that fits is chosen, with what was against the others', async t => {
  const catalogue = [
    aBaseModel('small'),
    aBaseModel('middle', { parameters: '360M' }),
    aBaseModel('large', { parameters: '7B' }),
    aBaseModel('alien', { parameters: '2B', architecture: 'MambaForCausalLM' }),
  ]
  t.match(resolveModel({ selector }, catalogue), {
    kind: 'resolved',
    baseModel: 'middle',
    source: { uri: 'hf://models/middle' },
    selection: {
      baseModel: 'middle',
      candidates: [
        { name: 'middle', score: 1, criteria: { parameters: 1 } },
        { name: 'small', score: 0 },
      ],
      rejected: [
        { name: 'large', reasons: ['parameters 7B, needs at most 1B'] },
        { name: 'alien', reasons: [/MambaForCausalLM cannot be tuned/, /^parameters 2B/] },
      ],
    },
  })
})

t.test('no fit names the nearest, and what each misses', async t => {
  const model = resolveModel({ selector }, [
    aBaseModel('alien', { parameters: '2B', architecture: 'MambaForCausalLM' }),
    ...many(6, { parameters: '7B' }),
  ])
  t.match(model, { kind: 'unresolved', reason: 'NoModelFits' })
  t.match(
    model?.kind === 'unresolved' ? model.message : '',
    /^none of 7 BaseModels fits; the nearest: m000 \(parameters 7B, needs at most 1B\), .*, and 2 more$/,
  )
})

t.test('an empty catalogue says so', async t => {
  t.match(resolveModel({ selector }, []), { message: 'the catalogue holds no BaseModel' })
})

t.test('lists are bounded and the rest is counted', async t => {
  const catalogue = [
    ...many(40),
    ...many(25, { parameters: '7B' }).map(({ name, spec }) => ({ name: `x${name}`, spec })),
  ]
  const model = resolveModel({ selector }, catalogue)
  t.equal(model?.selection?.candidates?.length, 10)
  t.equal(model?.selection?.moreCandidates, 30)
  t.equal(model?.selection?.rejected?.length, 10)
  t.equal(model?.selection?.moreRejected, 15)
})

t.test('reasons are bounded', async t => {
  const minBenchmarks = Object.fromEntries(
    Array.from({ length: 32 }, (_, i) => [`${i}${'x'.repeat(400)}`, 0.5]),
  )
  const model = resolveModel(
    { selector: { require: { minBenchmarks }, weights: { parameters: 1 } } },
    [aBaseModel('a')],
  )
  const [rejected] = model?.selection?.rejected ?? []
  t.equal(rejected?.reasons.length, 8)
  t.ok(rejected?.reasons.every(reason => reason.length <= 256))
})

t.test('a source that may not be used is not chosen', async t => {
  const refuses = ({ uri }: { uri: string }) =>
    uri.endsWith('a') ? `source ${uri} is not allowed` : undefined
  const catalogue = [aBaseModel('a', { parameters: '360M' }), aBaseModel('b')]
  t.match(resolveModel({ selector }, catalogue, refuses), {
    baseModel: 'b',
    selection: { rejected: [{ name: 'a', reasons: ['source hf://models/a is not allowed'] }] },
  })
  t.match(resolveModel({ ref: { name: 'a' } }, catalogue, refuses), {
    reason: 'WaitingForModel',
    message: /cannot be used: source hf:\/\/models\/a is not allowed/,
  })
})
