/** `metrics.json`: the run's figures for programs. */
import type { EvaluationSummary, TrainingSummary } from '@attune/crds/stage.ts'

export const publishedMetrics = (
  { suites, slices, gates, gatesPassed, score }: EvaluationSummary,
  training: TrainingSummary | undefined,
) => ({
  /** suite → metric → {base, tuned} */
  evaluation: suites,
  ...(slices ? { slices } : {}),
  score,
  gates,
  gatesPassed,
  ...(training
    ? {
        training: {
          steps: training.steps,
          tokens: training.tokens,
          tokensPerSecond: training.tokensPerSecond,
          finalLoss: training.finalLoss,
          ...(training.validationLoss === undefined
            ? {}
            : { validationLoss: training.validationLoss }),
          ...(training.bestStep === undefined ? {} : { bestStep: training.bestStep }),
          ...(training.stoppedEarly === undefined ? {} : { stoppedEarly: training.stoppedEarly }),
          seconds: training.seconds,
        },
      }
    : {}),
})
