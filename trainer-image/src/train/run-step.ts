/** One optimizer step: the gradients of every micro-batch of the window, then one update. */
import type { TrainingEngine, UpdateOptions } from '../session/training-engine.ts'
import { factorOf, type LossScale } from '../precision/loss-scale.ts'
import type { StepPart } from './micro-batches.ts'

export type Gradients = {
  /** summed cross-entropy over the window's targets, divided by their number (transformers#34191) */
  readonly loss: number
  readonly targets: number
  readonly tokens: number
  readonly longestMicroBatchSeconds: number
  /** of all micro-batches */
  readonly gradientSeconds: number
  /** until the micro-batches were there */
  readonly dataSeconds: number
}

export type StepOutcome = Gradients & {
  readonly gradientNorm: number
  readonly updateSeconds: number
}

export type StepOptions = {
  readonly engine: TrainingEngine
  /** the next micro-batch of the run */
  readonly take: () => StepPart
  readonly signal: AbortSignal
  /** seconds on a monotonic clock */
  readonly clock: () => number
  /** where the loss is scaled */
  readonly lossScale?: LossScale | undefined
}

const scaled = ({ lossScale }: StepOptions, targets: number) =>
  lossScale ? { lossScale: factorOf(lossScale, targets) } : {}

/** @returns undefined when the signal was aborted between micro-batches; the engine's state stays that of the last update */
export const gatherGradients = async (options: StepOptions): Promise<Gradients | undefined> => {
  const { engine, take, signal, clock } = options
  let lossSum = 0
  let [longest, gradientSeconds, dataSeconds] = [0, 0, 0]
  for (;;) {
    if (signal.aborted) return undefined
    const asked = clock()
    const { batch, isLast, targets, tokens } = take()
    const started = clock()
    // making a session takes seconds, in which a stop may come
    await engine.open('accumulate', batch)
    if (signal.aborted) return undefined
    lossSum += (await engine.accumulate({ ...batch, ...scaled(options, targets) })).lossSum
    const seconds = clock() - started
    dataSeconds += started - asked
    gradientSeconds += seconds
    longest = Math.max(longest, seconds)
    if (!isLast) continue
    if (signal.aborted) return undefined
    const loss = lossSum / Math.max(1, targets)
    const times = { longestMicroBatchSeconds: longest, gradientSeconds, dataSeconds }
    return { loss, targets, tokens, ...times }
  }
}

/** An update whose gradient norm is not finite changes nothing. */
export const applyGradients = async (
  gradients: Gradients,
  update: Omit<UpdateOptions, 'targets' | 'lossScale'>,
  options: StepOptions,
): Promise<StepOutcome> => {
  const { engine, clock } = options
  const started = clock()
  const targets = Math.max(1, gradients.targets)
  const { gradientNorm } = await engine.update({ ...update, targets, ...scaled(options, targets) })
  return { ...gradients, gradientNorm, updateSeconds: clock() - started }
}
