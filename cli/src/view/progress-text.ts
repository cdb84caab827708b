/** One progress as one line of text; pure. */
import type { Progress, TrainingProgress } from '@attune/crds/stage.ts'
import { count, duration } from './format.ts'

const BAR_WIDTH = 24
const STAGE_WIDTH = 8
const MIN_WIDTH = 20

/** What a narrow terminal goes without, the first of them first. */
const DROPPED = ['bar', 'speed', 'best', 'validation', 'loss', 'left', 'step'] as const
type Droppable = (typeof DROPPED)[number]
type Part = { readonly name: Droppable | 'stage' | 'percent' | 'activity'; readonly text: string }

export const bar = (fraction: number, width = BAR_WIDTH): string => {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width)
  return `${'█'.repeat(full)}${'░'.repeat(width - full)}`
}

const trainingParts = (training: TrainingProgress): Part[] => [
  { name: 'step', text: `${training.step}/${training.totalSteps}` },
  { name: 'loss', text: `loss ${training.loss.toFixed(4)}` },
  ...(training.validationLoss === undefined
    ? []
    : [{ name: 'validation', text: `validation ${training.validationLoss.toFixed(4)}` } as const]),
  ...(training.bestStep === undefined
    ? []
    : [{ name: 'best', text: `best at ${training.bestStep}` } as const]),
  { name: 'speed', text: `${count(training.tokensPerSecond)} tokens/s` },
]

const partsOf = (progress: Progress): readonly Part[] => {
  const { stage, fraction, training, activity, etaSeconds } = progress
  const left = training?.etaSeconds ?? etaSeconds
  return [
    { name: 'stage', text: stage.padEnd(STAGE_WIDTH) },
    { name: 'bar', text: bar(fraction) },
    { name: 'percent', text: `${Math.floor(100 * fraction)}%`.padStart(4) },
    ...(training?.step ? trainingParts(training) : [{ name: 'activity', text: activity } as const]),
    ...(left === undefined ? [] : [{ name: 'left', text: `${duration(left)} left` } as const]),
  ]
}

/** Words are two blanks apart, and what stands before them one. */
const lineOf = (parts: readonly Part[]): string =>
  parts
    .map(({ name, text }, i) => {
      if (i === 0) return text
      return name === 'bar' || name === 'percent' ? ` ${text}` : `  ${text}`
    })
    .join('')

const without = (parts: readonly Part[], name: Droppable) =>
  parts.filter(part => part.name !== name)

/** As many whole words as there is room for. */
const cutAtWord = (line: string, width: number): string => {
  const characters = [...line]
  if (characters.length <= width) return line
  const cut = characters.slice(0, width).join('')
  return characters[width] === ' ' ? cut.trimEnd() : cut.slice(0, cut.lastIndexOf(' ')).trimEnd()
}

/** For a terminal; it fits its width, because a line that wraps cannot be overwritten. */
export const barLine = (progress: Progress, columns: number): string => {
  const width = Math.max(MIN_WIDTH, columns - 1)
  let parts = partsOf(progress)
  for (const name of DROPPED) {
    if ([...lineOf(parts)].length <= width) break
    parts = without(parts, name)
  }
  return cutAtWord(lineOf(parts), width)
}

/** For a log. */
export const plainLine = (progress: Progress): string => lineOf(without(partsOf(progress), 'bar'))
