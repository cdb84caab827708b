/** One optimizer step: the gradients of every micro-batch of the window, then one update. */
import type { Row } from '../data/prepared.ts'
import type { TrainingEngine, UpdateOptions } from '../session/training-engine.ts'
import { countTargets, countTokens, inGroups, toMicroBatch } from './micro-batch.ts'

export type StepOutcome = {
  /** summed cross-entropy over the window's targets, divided by their number (transformers#34191) */
  readonly loss: number
  readonly gradientNorm: number
  readonly tokens: number
  readonly longestMicroBatchSeconds: number
  /** of all micro-batches */
  readonly gradientSeconds: number
  /** absent where there was none */
  readonly updateSeconds?: number
}

export type StepOptions = {
  readonly engine: TrainingEngine
  readonly rows: readonly Row[]
  readonly microBatchSize: number
  readonly update: Omit<UpdateOptions, 'targets'>
  readonly signal: AbortSignal
  /** seconds on a monotonic clock */
  readonly clock: () => number
}

/** @returns undefined when the signal was aborted between micro-batches; the engine's state is then that of the last update */
export const runStep = async (options: StepOptions): Promise<StepOutcome | undefined> => {
  const { engine, rows, microBatchSize, update, signal, clock } = options
  const targets = rows.reduce((sum, row) => sum + countTargets(row), 0)
  let lossSum = 0
  let longest = 0
  let gradientSeconds = 0
  for (const group of inGroups(rows, microBatchSize)) {
    if (signal.aborted) return undefined
    const started = clock()
    lossSum += (await engine.accumulate(toMicroBatch(group))).lossSum
    const seconds = clock() - started
    longest = Math.max(longest, seconds)
    gradientSeconds += seconds
  }
  if (signal.aborted) return undefined
  const loss = lossSum / Math.max(1, targets)
  const tokens = rows.reduce((sum, row) => sum + countTokens(row), 0)
  const told = { loss, tokens, longestMicroBatchSeconds: longest, gradientSeconds }
  // an update with such a loss would spoil the parameters, which are still good
  if (!Number.isFinite(loss)) return { ...told, gradientNorm: Number.NaN }
  const started = clock()
  const { gradientNorm } = await engine.update({ ...update, targets: Math.max(1, targets) })
  return { ...told, gradientNorm, updateSeconds: clock() - started }
}
