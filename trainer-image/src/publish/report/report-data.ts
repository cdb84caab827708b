/** Everything the report shows. */
import type { DatasetSummary, EvaluationSummary, TrainingSummary } from '@attune/crds/stage.ts'
import type { ScoredAnswer } from '../../evaluate/suite-scores.ts'
import type { Provenance } from '../provenance.ts'

export type StepPoint = {
  readonly step: number
  readonly loss: number
  readonly learningRate: number
  readonly gradientNorm: number
}
export type ValidationPoint = {
  readonly step: number
  readonly validationLoss: number
  readonly validationTokenAccuracy: number
}
export type Curves = {
  readonly steps: readonly StepPoint[]
  readonly validation: readonly ValidationPoint[]
}

export type Sample = ScoredAnswer & { readonly suite: string }
export type Samples = {
  /** largest gain of the tuned model first */
  readonly best: readonly Sample[]
  /** lowest score of the tuned model first; none that is fully right */
  readonly worst: readonly Sample[]
  /** suite → slice → number of examples */
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>>
}

export type ReportData = {
  readonly dataset: DatasetSummary | undefined
  readonly training: TrainingSummary | undefined
  readonly evaluation: EvaluationSummary
  readonly curves: Curves
  readonly samples: Samples
  readonly provenance: Provenance
}
