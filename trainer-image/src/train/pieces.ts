/** In which pieces a run is computed, and by how many threads. Decided once: a resume with others would round differently and end at other bits. What memory runs out for is halved, and from which step on is noted. */
import { readFile } from 'node:fs/promises'
import type { Plan } from '@attune/crds/stage.ts'
import { writeFileAtomically } from '../atomic-file.ts'
import type { Recompute } from '../session/programs.ts'
import { MAX_REPLICAS } from '../session/replicas.ts'

/** From the step after so many on, as many rows at once. */
export type Change = Pick<Plan, 'microBatchSize'> & { readonly afterSteps: number }

export type Pieces = Pick<Plan, 'microBatchSize'> & {
  readonly recompute: Recompute
  /** of ONNX Runtime, which splits its sums among them */
  readonly threads: number
  /** that part the rows of a micro-batch; 1 if absent */
  readonly replicas?: number
  /** of the micro-batch, where memory ran out on the way; by their steps */
  readonly changes?: readonly Change[]
}

/** in the folder of a course of training */
export const PIECES_FILE = 'pieces.json'

const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 1

const isRecompute = (value: unknown): value is Recompute =>
  typeof value === 'boolean' || (Number.isSafeInteger(value) && Number(value) >= 0)

const isChange = (value: unknown): value is Change => {
  const { afterSteps, microBatchSize } = (value ?? {}) as Partial<Change>
  return Number.isSafeInteger(afterSteps) && Number(afterSteps) >= 0 && isCount(microBatchSize)
}

const areChanges = (list: unknown): list is readonly Change[] =>
  Array.isArray(list) &&
  list.every(isChange) &&
  list.every(({ afterSteps }, at) => at === 0 || afterSteps > list[at - 1]!.afterSteps)

/** Files of versions that noted no changes and no replicas are read as well. */
export const isPieces = (value: unknown): value is Pieces => {
  const pieces = (value ?? {}) as Partial<Pieces>
  const { microBatchSize, recompute, threads, replicas = 1, changes = [] } = pieces
  return (
    isCount(microBatchSize) &&
    isRecompute(recompute) &&
    isCount(threads) &&
    isCount(replicas) &&
    replicas <= MAX_REPLICAS &&
    Number(threads) % replicas === 0 &&
    areChanges(changes)
  )
}

/** @param step from 0 */
export const microBatchAt = ({ microBatchSize, changes = [] }: Pieces, step: number): number =>
  changes.findLast(({ afterSteps }) => afterSteps <= step)?.microBatchSize ?? microBatchSize

/**
 * What the gradient is summed over gets smaller and the sum stays; at one row at a time there is nothing to halve.
 * Steps that are done keep what they were computed with, and what an earlier start has made smaller stays so.
 * @param step the first, from 0, that is computed from now on
 * @param times how often the first choice is halved
 */
export const halvedFrom = (pieces: Pieces, step: number, times: number): Pieces => {
  const { changes = [], ...first } = pieces
  const most = Math.max(1, Math.floor(first.microBatchSize / 2 ** times))
  const now = { afterSteps: step, microBatchSize: microBatchAt(pieces, step) }
  const all = [
    ...changes.filter(({ afterSteps }) => afterSteps < step),
    ...[now, ...changes.filter(({ afterSteps }) => afterSteps > step)].map(change => ({
      ...change,
      microBatchSize: Math.min(change.microBatchSize, most),
    })),
  ]
  const kept = all.filter(
    ({ microBatchSize }, at) => microBatchSize !== (all[at - 1] ?? first).microBatchSize,
  )
  return kept.length > 0 ? { ...first, changes: kept } : first
}

/** @returns undefined where none are noted, or not legibly */
export const readPieces = async (path: string): Promise<Pieces | undefined> => {
  const noted: unknown = await readFile(path, 'utf8')
    .then(JSON.parse)
    .catch(() => undefined)
  return isPieces(noted) ? noted : undefined
}

export const writePieces = (path: string, pieces: Pieces): Promise<void> =>
  writeFileAtomically(path, `${JSON.stringify(pieces)}\n`)

/** @returns what an earlier start of this run chose, else what is chosen now, which is then kept */
export const pinPieces = async (path: string, choose: () => Pieces): Promise<Pieces> => {
  const earlier = await readPieces(path)
  if (earlier) return earlier
  const pieces = choose()
  await writePieces(path, pieces)
  return pieces
}

/** Notes what a start goes on with, so that it can be computed so again. */
export const halvePieces = async (
  path: string,
  pinned: Pieces,
  step: number,
  times: number,
): Promise<Pieces> => {
  if (times === 0) return pinned
  const pieces = halvedFrom(pinned, step, times)
  await writePieces(path, pieces)
  return pieces
}
