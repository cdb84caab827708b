/** The micro-batches of a run one after the other, so that the next can be made while one is computed. */
import type { PreparedDataset, Row, RowSet } from '../data/prepared.ts'
import type { MicroBatch } from '../session/training-engine.ts'
import type { Grouping } from './group-rows.ts'
import { countTargets, countTokens, toMicroBatch } from './micro-batch.ts'
import { rowsOfStep, type StepPlan } from './steps.ts'

/** A micro-batch, and the step that it is part of. */
export type StepPart = {
  readonly batch: MicroBatch
  readonly isLast: boolean
  /** of the whole step */
  readonly targets: number
  /** of the whole step, padding excluded */
  readonly tokens: number
}

export type PartsOptions = {
  readonly data: Pick<PreparedDataset, 'train'>
  readonly plan: StepPlan
  readonly totalSteps: number
  /** step from 0 → how its rows are computed */
  readonly groupingAt: (step: number) => Grouping
}

const sumOf = (rows: readonly Row[], of: (row: Row) => number): number =>
  rows.reduce((sum, row) => sum + of(row), 0)

/** @param start step from 0 */
export function* partsFrom(start: number, options: PartsOptions): Generator<StepPart> {
  const { data, plan, totalSteps, groupingAt } = options
  for (let step = start; step < totalSteps; step++) {
    const rows = rowsOfStep(plan, step).map(index => data.train.row(index))
    const whole = { targets: sumOf(rows, countTargets), tokens: sumOf(rows, countTokens) }
    const groups = groupingAt(step).group(rows)
    for (const [index, group] of groups.entries())
      yield {
        ...whole,
        batch: { ...toMicroBatch(group), step },
        isLast: index === groups.length - 1,
      }
  }
}

/** Every row once, and undefined at the end. */
export function* batchesOf(
  rows: RowSet,
  { group, window }: Grouping,
): Generator<MicroBatch | undefined> {
  for (let start = 0; start < rows.count; start += window) {
    const size = Math.min(window, rows.count - start)
    const some = Array.from({ length: size }, (_, index) => rows.row(start + index))
    for (const one of group(some)) yield toMicroBatch(one)
  }
  yield undefined
}
