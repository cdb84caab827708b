/** Scores of one model's answers to a suite, each taken once, as it comes, and their means so far. */
import { type Scoring, scoreText, type TextScores } from './suite-scores.ts'
import type { MetricName } from './text-metrics.ts'

export type RunningScoresOptions = {
  readonly scoring: Scoring
  readonly references: readonly string[]
  /** called after each answer, for each metric */
  readonly onMean: (metric: MetricName, mean: number) => void
}

/** @returns the scores of the answer to that example; asked again, what they were */
export const runningScores = ({ references, scoring, onMean }: RunningScoresOptions) => {
  const taken = new Map<number, TextScores>()
  const sums = new Map<MetricName, number>()
  return (index: number, text: string): TextScores => {
    const known = taken.get(index)
    if (known) return known
    const scores = scoreText(text, references[index] ?? '', scoring)
    taken.set(index, scores)
    for (const metric of scoring.metrics) {
      const sum = (sums.get(metric) ?? 0) + (scores[metric] ?? 0)
      sums.set(metric, sum)
      onMean(metric, sum / taken.size)
    }
    return scores
  }
}
