/** Scores of a suite: per answer, per slice, and over all. */
import type { MetricPair } from '@attune/crds/stage.ts'
import { comparedParts } from './compared-part.ts'
import { METRICS, type MetricName } from './text-metrics.ts'

/** One validation example with the answers of both models. */
export type Answer = {
  readonly id: string
  readonly slice: string
  readonly prompt: string
  readonly reference: string
  readonly base: string
  readonly tuned: string
}
/** metric → value for one text */
export type TextScores = Readonly<Record<string, number>>
export type ScoredAnswer = Answer & { readonly scores: Readonly<Record<string, MetricPair>> }

export type SuiteScores = {
  /** metric → mean over all answers */
  readonly overall: Readonly<Record<string, MetricPair>>
  /** metric → slice → mean over the slice's answers; slices largest first */
  readonly slices: Readonly<Record<string, Readonly<Record<string, MetricPair>>>>
}

export type Scoring = {
  readonly metrics: readonly MetricName[]
  /** what the compared part of answer and reference stands behind; they are compared whole if absent */
  readonly answerAfter?: string
}

export const scoreText = (
  text: string,
  reference: string,
  { metrics, answerAfter }: Scoring,
): TextScores => {
  const parts = comparedParts({ answer: text, reference }, answerAfter)
  return Object.fromEntries(
    metrics.map(metric => [metric, parts ? METRICS[metric](parts.answer, parts.reference) : 0]),
  )
}

/** Both models' scores of an example, metric by metric. */
export const pairScores = (base: TextScores, tuned: TextScores): ScoredAnswer['scores'] =>
  Object.fromEntries(
    Object.entries(base).map(([metric, value]) => [
      metric,
      { base: value, tuned: tuned[metric] ?? 0 },
    ]),
  )

const meanPair = (answers: readonly ScoredAnswer[], metric: string): MetricPair => {
  const sum = { base: 0, tuned: 0 }
  for (const { scores } of answers) {
    sum.base += scores[metric]?.base ?? 0
    sum.tuned += scores[metric]?.tuned ?? 0
  }
  return { base: sum.base / answers.length, tuned: sum.tuned / answers.length }
}

/** @returns slice → its answers, largest slice first, equal sizes by name */
export const bySlice = <A extends { readonly slice: string }>(
  answers: readonly A[],
): readonly (readonly [string, readonly A[]])[] =>
  [...Map.groupBy(answers, answer => answer.slice)].sort(
    ([a, as], [b, bs]) => bs.length - as.length || (a < b ? -1 : 1),
  )

/** Means over a suite's answers; of no answers, nothing. */
export const suiteScores = (
  answers: readonly ScoredAnswer[],
  metrics: readonly MetricName[],
): SuiteScores => {
  if (answers.length === 0) return { overall: {}, slices: {} }
  const slices = bySlice(answers)
  return {
    overall: Object.fromEntries(metrics.map(metric => [metric, meanPair(answers, metric)])),
    slices: Object.fromEntries(
      metrics.map(metric => [
        metric,
        Object.fromEntries(slices.map(([slice, members]) => [slice, meanPair(members, metric)])),
      ]),
    ),
  }
}
