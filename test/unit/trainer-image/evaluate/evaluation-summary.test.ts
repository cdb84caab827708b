import type { ResolvedGate, ResolvedSuite } from '@attune/crds/resolved-spec.ts'
import t from 'tap'
import { summarizeEvaluation } from '../../../../trainer-image/src/evaluate/evaluation-summary.ts'
import { scoreAnswer } from '../../../fixtures/score-answer.ts'

const aSuite = (change: Partial<ResolvedSuite> = {}): ResolvedSuite => ({
  name: 'held-out',
  type: 'Generation',
  metrics: ['exactMatch', 'tokenF1'],
  maxNewTokens: 8,
  maxExamples: 10,
  ...change,
})

/** slice, base right, tuned right */
const answers = (rows: readonly (readonly [string, boolean, boolean])[], suite = aSuite()) =>
  rows.map(([slice, base, tuned], index) =>
    scoreAnswer(
      {
        id: `${index}`,
        slice,
        prompt: 'p',
        reference: 'yes',
        base: base ? 'yes' : 'no',
        tuned: tuned ? 'yes' : 'no',
      },
      suite.metrics,
    ),
  )

const ROWS = [
  ['light', false, true],
  ['light', false, true],
  ['light', true, true],
  ['lock', false, true],
  ['lock', false, false],
] as const

const summarize = (gates: readonly ResolvedGate[], rows: typeof ROWS | [] = ROWS) =>
  summarizeEvaluation([aSuite()], gates, new Map([['held-out', answers(rows)]]))

t.test('reports the mean of both models per suite and per slice, largest slice first', async t => {
  const summary = summarize([])
  t.same(summary.suites, {
    'held-out': { exactMatch: { base: 0.2, tuned: 0.8 }, tokenF1: { base: 0.2, tuned: 0.8 } },
  })
  t.same(Object.entries(summary.slices?.['held-out']?.['exactMatch'] ?? {}), [
    ['light', { base: 1 / 3, tuned: 1 }],
    ['lock', { base: 0, tuned: 0.5 }],
  ])
  t.equal(summary.score, 0.8)
  t.equal(summary.gatesPassed, true)
})

t.test('leaves slices out where there is only one', async t => {
  const rows = answers([['all', false, true]])
  t.notOk(summarizeEvaluation([aSuite()], [], new Map([['held-out', rows]])).slices)
})

t.test('keeps the 20 largest slices, while gates look at all', async t => {
  const rows = Array.from({ length: 25 }, (_, index) => {
    const name = `slice-${String(index).padStart(2, '0')}`
    return index < 24
      ? ([
          [name, false, true],
          [name, false, true],
        ] as const)
      : ([[name, false, false]] as const)
  }).flat()
  const summary = summarizeEvaluation(
    [aSuite()],
    [{ metric: 'held-out/exactMatch', maxSliceGap: 0.3 }],
    new Map([['held-out', answers(rows)]]),
  )
  t.equal(Object.keys(summary.slices?.['held-out']?.['exactMatch'] ?? {}).length, 20)
  t.equal(summary.gatesPassed, false)
  t.equal(summary.gates[0]?.value, 0.96)
})

t.test('gates', async t => {
  const cases: Readonly<Record<string, readonly [ResolvedGate, number, boolean]>> = {
    'at least: holds': [{ metric: 'held-out/exactMatch', atLeast: 0.8 }, 0.8, true],
    'at least: fails': [{ metric: 'held-out/exactMatch', atLeast: 0.81 }, 0.8, false],
    'improves on base by: holds in spite of rounding': [
      { metric: 'held-out/exactMatch', improvesOnBaseBy: 0.6 },
      0.8 - 0.2,
      true,
    ],
    'improves on base by: fails': [
      { metric: 'held-out/tokenF1', improvesOnBaseBy: 0.61 },
      0.8 - 0.2,
      false,
    ],
    'slice gap: holds': [{ metric: 'held-out/exactMatch', maxSliceGap: 0.25 }, 0.25, true],
    'slice gap: fails': [{ metric: 'held-out/exactMatch', maxSliceGap: 0.2 }, 0.25, false],
    'a suite that is not there': [{ metric: 'other/exactMatch', atLeast: 0 }, 0, false],
  }
  for (const [name, [gate, value, passed]] of Object.entries(cases)) {
    const summary = summarize([gate])
    t.match(summary.gates, [{ metric: gate.metric, value, passed }], name)
    t.equal(summary.gatesPassed, passed, name)
  }
})

t.test('a suite without examples has no metrics, no score, and fails its gates', async t => {
  const summary = summarize([{ metric: 'held-out/exactMatch', maxSliceGap: 1 }], [])
  t.same(summary.suites, { 'held-out': {} })
  t.equal(summary.score, 0)
  t.equal(summary.gatesPassed, false)
})

t.test("the score is the mean over suites of each one's first metric", async t => {
  const second = aSuite({ name: 'second', metrics: ['tokenF1'] })
  const summary = summarizeEvaluation(
    [aSuite(), second],
    [],
    new Map([
      ['held-out', answers(ROWS)],
      ['second', answers([['all', true, false]], second)],
    ]),
  )
  t.equal(summary.score, 0.4)
})
