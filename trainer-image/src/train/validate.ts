/** Loss and token accuracy on the validation rows, with the adapter as it stands. */
import type { RowSet } from '../data/prepared.ts'
import type { TrainingEngine } from '../session/training-engine.ts'
import { toMicroBatch } from './micro-batch.ts'

export type Validation = { readonly loss: number; readonly tokenAccuracy: number }

/** @returns undefined where nothing is held out, or the signal was aborted on the way */
export const validate = async (
  engine: TrainingEngine,
  rows: RowSet,
  microBatchSize: number,
  signal: AbortSignal,
): Promise<Validation | undefined> => {
  let lossSum = 0
  let correct = 0
  let targets = 0
  for (let start = 0; start < rows.count; start += microBatchSize) {
    if (signal.aborted) return undefined
    const size = Math.min(microBatchSize, rows.count - start)
    const batch = toMicroBatch(Array.from({ length: size }, (_, index) => rows.row(start + index)))
    const result = await engine.evaluate(batch)
    lossSum += result.lossSum
    correct += result.correct
    targets += batch.targetTokens.length
  }
  return targets === 0 ? undefined : { loss: lossSum / targets, tokenAccuracy: correct / targets }
}
