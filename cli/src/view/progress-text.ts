/** One progress as one line of text; pure. */
import type { Progress, TrainingProgress } from '@attune/crds/stage.ts'
import { count, duration } from './format.ts'

const BAR_WIDTH = 24
const STAGE_WIDTH = 8

export const bar = (fraction: number, width = BAR_WIDTH): string => {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width)
  return `${'█'.repeat(full)}${'░'.repeat(width - full)}`
}

const trainingWords = (training: TrainingProgress): string[] => [
  `${training.step}/${training.totalSteps}`,
  `loss ${training.loss.toFixed(4)}`,
  ...(training.validationLoss === undefined
    ? []
    : [`validation ${training.validationLoss.toFixed(4)}`]),
  `${count(training.tokensPerSecond)} tokens/s`,
]

const words = (progress: Progress): string => {
  const { training, activity, etaSeconds } = progress
  const left = training?.etaSeconds ?? etaSeconds
  return [
    ...(training?.step ? trainingWords(training) : [activity]),
    ...(left === undefined ? [] : [`${duration(left)} left`]),
  ].join('  ')
}

/** For a terminal; cut to its width, because a line that wraps cannot be overwritten. */
export const barLine = (progress: Progress, columns: number): string => {
  const percent = `${Math.floor(100 * progress.fraction)}%`.padStart(4)
  const line = `${progress.stage.padEnd(STAGE_WIDTH)} ${bar(progress.fraction)} ${percent}  ${words(progress)}`
  return [...line].slice(0, Math.max(20, columns - 1)).join('')
}

/** For a log. */
export const plainLine = (progress: Progress): string =>
  `${progress.stage.padEnd(STAGE_WIDTH)} ${`${Math.floor(100 * progress.fraction)}%`.padStart(4)}  ${words(progress)}`
