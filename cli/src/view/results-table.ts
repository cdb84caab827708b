/** The end of a run for people: base against tuned, gates, score. */
import type { EvaluationSummary, GateResult, MetricPair } from '@attune/crds/stage.ts'
import { score, signed, table } from './format.ts'

/** More slices than this are left to the report. */
const MAX_SLICES = 12

const GATE_WORDS: Readonly<Record<GateResult['rule'], string>> = {
  atLeast: 'at least',
  improvesOnBaseBy: 'better than base by',
  maxSliceGap: 'slice gap at most',
}

const cells = (pair: MetricPair): readonly string[] => [
  score(pair.base),
  score(pair.tuned),
  signed(pair.tuned - pair.base),
]

const suiteRows = (summary: EvaluationSummary): string[][] =>
  Object.entries(summary.suites).flatMap(([suite, metrics]) =>
    Object.entries(metrics).map(([metric, pair]) => [suite, metric, ...cells(pair)]),
  )

const sliceTables = (summary: EvaluationSummary): string[] =>
  Object.entries(summary.slices ?? {}).flatMap(([suite, metrics]) =>
    Object.entries(metrics)
      // the suite's main metric only
      .slice(0, 1)
      .filter(([, slices]) => {
        const found = Object.keys(slices).length
        return found > 1 && found <= MAX_SLICES
      })
      .map(([metric, slices]) =>
        table([
          [`${suite}/${metric} by slice`, 'base', 'tuned', 'change'],
          ...Object.entries(slices).map(([slice, pair]) => [slice, ...cells(pair)]),
        ]),
      ),
  )

const gateLine = (gate: GateResult): string =>
  `${gate.passed ? 'passed' : 'FAILED'}  ${gate.metric} ${GATE_WORDS[gate.rule]} ${gate.threshold}: ${score(gate.value)}`

export const resultsTable = (summary: EvaluationSummary): string => {
  const main = table(
    [['suite', 'metric', 'base', 'tuned', 'change'], ...suiteRows(summary)],
    [0, 1],
  )
  const gates = summary.gates.length ? [['gates', ...summary.gates.map(gateLine)].join('\n  ')] : []
  return [main, ...sliceTables(summary), ...gates, `score  ${score(summary.score)}`].join('\n\n')
}
