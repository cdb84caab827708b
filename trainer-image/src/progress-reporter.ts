/** Holds the newest progress and passes it on, at most ten times a second. */
import type { Progress, TrainerStage } from '@attune/crds/stage.ts'
import type { TrainerMetrics } from './metrics.ts'

const MIN_INTERVAL_MS = 100

export const createProgressReporter = (
  stage: TrainerStage,
  metrics: TrainerMetrics,
  send: (progress: Progress) => void,
  now: () => number = () => performance.now(),
) => {
  let latest: Progress = { stage, activity: 'starting', fraction: 0 }
  let sentAt = Number.NEGATIVE_INFINITY
  return {
    current: () => latest,
    report: (progress: Omit<Progress, 'stage'>) => {
      const newActivity = progress.activity !== latest.activity
      latest = { stage, ...progress }
      metrics.stageProgress.set({ stage }, progress.fraction)
      if (!newActivity && progress.fraction < 1 && now() - sentAt < MIN_INTERVAL_MS) return
      sentAt = now()
      send(latest)
    },
  }
}
