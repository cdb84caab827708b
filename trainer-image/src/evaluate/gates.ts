/** Gates: conditions on the scores that must hold before anything is published. */
import type { ResolvedGate } from '@attune/crds/resolved-spec.ts'
import type { GateResult, MetricPair } from '@attune/crds/stage.ts'
import type { SuiteScores } from './suite-scores.ts'

/** Means of 0/1 values miss a decimal threshold by rounding alone: 0.9 − 0.8 < 0.1. */
const ROUNDING = 1e-9

/** Mean over slices minus the worst slice, of the tuned model. */
export const sliceGap = (slices: Readonly<Record<string, MetricPair>>): number => {
  const values = Object.values(slices).map(pair => pair.tuned)
  if (values.length === 0) return 0
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return mean - Math.min(...values)
}

type Rule = {
  readonly value: (pair: MetricPair, slices: Readonly<Record<string, MetricPair>>) => number
  readonly holds: (value: number, threshold: number) => boolean
}
const atLeast = (value: number, threshold: number) => value >= threshold - ROUNDING
const RULES: Readonly<Record<GateResult['rule'], Rule>> = Object.freeze({
  atLeast: { value: pair => pair.tuned, holds: atLeast },
  improvesOnBaseBy: { value: pair => pair.tuned - pair.base, holds: atLeast },
  maxSliceGap: {
    value: (_pair, slices) => sliceGap(slices),
    holds: (value, threshold) => value <= threshold + ROUNDING,
  },
})
const RULE_NAMES = Object.keys(RULES) as GateResult['rule'][]

const checkRule = (
  metric: string,
  rule: GateResult['rule'],
  threshold: number,
  suites: Readonly<Record<string, SuiteScores>>,
): GateResult => {
  const [suite = '', name = ''] = metric.split('/')
  const scores = Object.hasOwn(suites, suite) ? suites[suite] : undefined
  const pair = scores?.overall[name]
  // nothing measured means nothing shown to hold
  if (!pair) return { metric, rule, threshold, value: 0, passed: false }
  const value = RULES[rule].value(pair, scores?.slices[name] ?? {})
  return { metric, rule, threshold, value, passed: RULES[rule].holds(value, threshold) }
}

export const checkGates = (
  gates: readonly ResolvedGate[],
  suites: Readonly<Record<string, SuiteScores>>,
): readonly GateResult[] =>
  gates.flatMap(gate =>
    RULE_NAMES.flatMap(rule => {
      const threshold = gate[rule]
      return threshold === undefined ? [] : [checkRule(gate.metric, rule, threshold, suites)]
    }),
  )
