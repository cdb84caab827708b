/** Loss and token accuracy on the validation rows, with the parameters as they stand. */
import type { RowSet } from '../data/prepared.ts'
import type { TrainingEngine } from '../session/training-engine.ts'
import type { Grouping } from './group-rows.ts'
import { batchesOf } from './micro-batches.ts'
import { oneAhead } from './one-ahead.ts'

export type Validation = { readonly loss: number; readonly tokenAccuracy: number }

/** @returns undefined where nothing is held out, or the signal was aborted on the way */
export const validate = async (
  engine: TrainingEngine,
  rows: RowSet,
  grouping: Grouping,
  signal: AbortSignal,
): Promise<Validation | undefined> => {
  let lossSum = 0
  let correct = 0
  let targets = 0
  const batches = oneAhead(batchesOf(rows, grouping))
  for (let batch = batches.take(); batch; batch = batches.take()) {
    if (signal.aborted) return undefined
    await engine.open('evaluate', batch)
    if (signal.aborted) return undefined
    const result = await engine.evaluate(batch)
    lossSum += result.lossSum
    correct += result.correct
    targets += batch.targetTokens.length
  }
  return targets === 0 ? undefined : { loss: lossSum / targets, tokenAccuracy: correct / targets }
}
