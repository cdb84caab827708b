import t from 'tap'
import type { EvaluationSummary } from '../../../../crds/stage.ts'
import { resultsTable } from '../../../../cli/src/view/results-table.ts'

const SUMMARY: EvaluationSummary = {
  suites: {
    'held-out': { exactMatch: { base: 0, tuned: 0.94 }, tokenF1: { base: 0.5, tuned: 0.4 } },
  },
  gates: [],
  gatesPassed: true,
  score: 0.94,
}

const slices = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`s${i}`, { base: 0, tuned: 1 }]))

t.test('a row for each metric of each suite, then the score', async t => {
  t.equal(
    resultsTable(SUMMARY),
    [
      'suite     metric       base  tuned  change',
      'held-out  exactMatch  0.000  0.940  +0.940',
      'held-out  tokenF1     0.500  0.400  -0.100',
      '',
      'score  0.940',
    ].join('\n'),
  )
})

t.test('slices of the main metric are shown while they are few', async t => {
  const of = (count: number) =>
    resultsTable({
      ...SUMMARY,
      slices: { 'held-out': { exactMatch: slices(count), tokenF1: slices(count) } },
    })
  t.match(of(2), /held-out\/exactMatch by slice +base +tuned +change\ns0 .*\ns1 /)
  t.notMatch(of(2), 'held-out/tokenF1 by slice')
  t.notMatch(of(1), 'by slice', 'one slice says what the suite says')
  t.notMatch(of(13), 'by slice')
})

t.test('a gate that does not hold stands out', async t => {
  const gate = { metric: 'held-out/exactMatch', threshold: 0.3, value: 0.5 }
  const text = resultsTable({
    ...SUMMARY,
    gates: [
      { ...gate, rule: 'atLeast', passed: true },
      { ...gate, rule: 'maxSliceGap', passed: false },
    ],
  })
  t.match(text, '  passed  held-out/exactMatch at least 0.3: 0.500')
  t.match(text, '  FAILED  held-out/exactMatch slice gap at most 0.3: 0.500')
})
