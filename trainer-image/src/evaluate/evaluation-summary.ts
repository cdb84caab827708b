/** From the suites' scores to what status and reports show. */
import type { ResolvedGate, ResolvedSuite } from '@attune/crds/resolved-spec.ts'
import type { EvaluationSummary } from '@attune/crds/stage.ts'
import { checkGates } from './gates.ts'
import { type ScoredAnswer, type SuiteScores, suiteScores } from './suite-scores.ts'

/** Slices reported per metric; gates look at all of them. */
export const MAX_SLICES = 20

const largest = <V>(record: Readonly<Record<string, V>>): Record<string, V> =>
  Object.fromEntries(Object.entries(record).slice(0, MAX_SLICES))

const sliceTable = (scores: SuiteScores) =>
  Object.fromEntries(
    Object.entries(scores.slices).map(([metric, slices]) => [metric, largest(slices)]),
  )

const hasSlices = (scores: SuiteScores): boolean =>
  Object.values(scores.slices).some(slices => Object.keys(slices).length > 1)

/** Mean over suites of the tuned value of the suite's first metric; 0 where nothing was measured. */
const overallScore = (
  suites: readonly ResolvedSuite[],
  scores: Readonly<Record<string, SuiteScores>>,
): number => {
  if (suites.length === 0) return 0
  const main = suites.map(suite => {
    const first = suite.metrics[0]
    return first === undefined ? 0 : (scores[suite.name]?.overall[first]?.tuned ?? 0)
  })
  return main.reduce((sum, value) => sum + value, 0) / suites.length
}

export const summarizeEvaluation = (
  suites: readonly ResolvedSuite[],
  gates: readonly ResolvedGate[],
  answers: ReadonlyMap<string, readonly ScoredAnswer[]>,
): EvaluationSummary => {
  const scores = Object.fromEntries(
    suites.map(suite => [suite.name, suiteScores(answers.get(suite.name) ?? [], suite.metrics)]),
  )
  const results = checkGates(gates, scores)
  const sliced = Object.entries(scores).filter(([, suite]) => hasSlices(suite))
  return {
    suites: Object.fromEntries(
      Object.entries(scores).map(([name, suite]) => [name, suite.overall]),
    ),
    ...(sliced.length > 0
      ? { slices: Object.fromEntries(sliced.map(([name, suite]) => [name, sliceTable(suite)])) }
      : {}),
    gates: results,
    gatesPassed: results.every(gate => gate.passed),
    score: overallScore(suites, scores),
  }
}
