import t from 'tap'
import { rank } from '../../../../crds/selection/rank.ts'
import { aBaseModel } from '../../../fixtures/crds/a-base-model.ts'

const small = aBaseModel('small', {
  parameters: '100M',
  contextLength: 2048,
  languages: ['en'],
  pretraining: { tokens: '1T', domains: ['web'] },
  benchmarks: { ifeval: 0.3, mmlu: 0.25 },
})
const middle = aBaseModel('middle', {
  parameters: '300M',
  contextLength: 8192,
  languages: ['en', 'de'],
  pretraining: { tokens: '2T', domains: ['web', 'code'] },
  benchmarks: { ifeval: 0.4 },
})
const large = aBaseModel('large', {
  parameters: 1_100_000_000,
  contextLength: 4096,
  languages: ['en', 'de', 'fr'],
  pretraining: { tokens: '5T', domains: ['web', 'code', 'books', 'math', 'law'] },
  benchmarks: { ifeval: 0.5, mmlu: 0.45 },
})
const ALL = [middle, large, small]

/** By hand from the formula in rank.ts. */
const TABLE: Readonly<Record<string, [Record<string, number>, [string, number][]]>> = {
  'more of one criterion is better': [
    { pretrainingTokens: 1 },
    [
      ['large', 1],
      ['middle', 0.25],
      ['small', 0],
    ],
  ],
  'a negative weight turns it round': [
    { parameters: -2 },
    [
      ['small', 1],
      ['middle', 0.8],
      ['large', 0],
    ],
  ],
  'weights are relative': [
    { parameters: -1, 'benchmarks.ifeval': 3 },
    [
      ['large', 0.75],
      ['middle', 0.575],
      ['small', 0.25],
    ],
  ],
  'what is not published counts as the worst': [
    { 'benchmarks.mmlu': -1 },
    [
      ['small', 1],
      ['large', 0],
      ['middle', 0],
    ],
  ],
  'nobody publishes it': [
    { 'benchmarks.gsm8k': 1 },
    [
      ['large', 0],
      ['middle', 0],
      ['small', 0],
    ],
  ],
  'a weight of zero has no say': [
    { contextLength: 0, languages: 1 },
    [
      ['large', 1],
      ['middle', 0.5],
      ['small', 0],
    ],
  ],
  'domains are counted': [
    { domainDiversity: 1 },
    [
      ['large', 1],
      ['middle', 0.25],
      ['small', 0],
    ],
  ],
}

for (const [name, [weights, expected]] of Object.entries(TABLE))
  t.test(name, async t => {
    t.strictSame(
      rank(ALL, weights).map(({ name, score }) => [name, score]),
      expected,
    )
  })

t.test('each criterion is told by its scaled figure', async t => {
  t.strictSame(rank(ALL, { parameters: -1, 'benchmarks.ifeval': 3 })[1]?.criteria, {
    'benchmarks.ifeval': 0.5,
    parameters: 0.8,
  })
})

t.test('one figure for all is the best there is', async t => {
  t.match(rank([small], { parameters: -1 }), [{ name: 'small', score: 1 }])
})

t.test('equal scores are ordered by name, in whatever order they come', async t => {
  const twins = ['b', 'c', 'a'].map(name => aBaseModel(name))
  const names = rank(twins, { parameters: 1 }).map(({ name }) => name)
  t.strictSame(names, ['a', 'b', 'c'])
})

t.test('the order of candidates and weights does not change a score', async t => {
  const weights = { parameters: -0.1, 'benchmarks.ifeval': 0.3, languages: 0.7, contextLength: 0.2 }
  const turned = Object.fromEntries(Object.entries(weights).reverse())
  t.strictSame(rank([...ALL].reverse(), turned), rank(ALL, weights))
})

t.test('no candidate, no rank', async t => {
  t.strictSame(rank([], { parameters: 1 }), [])
})
