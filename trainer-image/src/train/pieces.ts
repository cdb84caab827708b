/** In which pieces a run is computed, and by how many threads. Decided once: a resume with others would round differently and end at other bits. */
import { readFile } from 'node:fs/promises'
import type { Plan } from '@attune/crds/stage.ts'
import { writeFileAtomically } from '../atomic-file.ts'
import type { Recompute } from '../session/programs.ts'

export type Pieces = Pick<Plan, 'microBatchSize'> & {
  readonly recompute: Recompute
  /** of ONNX Runtime, which splits its sums among them */
  readonly threads: number
}

/** in the folder of a course of training */
export const PIECES_FILE = 'pieces.json'

const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 1

const isRecompute = (value: unknown): value is Recompute =>
  typeof value === 'boolean' || (Number.isSafeInteger(value) && Number(value) >= 0)

export const isPieces = (value: unknown): value is Pieces => {
  const { microBatchSize, recompute, threads } = (value ?? {}) as Partial<Pieces>
  return isCount(microBatchSize) && isRecompute(recompute) && isCount(threads)
}

/** What the gradient is summed over gets smaller and the sum stays; at one row at a time there is nothing to halve. */
export const halved = (pieces: Pieces, times: number): Pieces => ({
  ...pieces,
  microBatchSize: Math.max(1, Math.floor(pieces.microBatchSize / 2 ** times)),
})

/** @returns undefined where none are noted, or not legibly */
export const readPieces = async (path: string): Promise<Pieces | undefined> => {
  const noted: unknown = await readFile(path, 'utf8')
    .then(JSON.parse)
    .catch(() => undefined)
  return isPieces(noted) ? noted : undefined
}

export const writePieces = (path: string, pieces: Pieces): Promise<void> =>
  writeFileAtomically(path, `${JSON.stringify(pieces)}\n`)

/** @returns what an earlier start of this run chose, else what the plan says and this machine's cores, which is then kept */
export const pinPieces = async (path: string, plan: () => Plan, cores: number): Promise<Pieces> => {
  const earlier = await readPieces(path)
  if (earlier) return earlier
  const { microBatchSize, recompute, recomputedLayers } = plan()
  const pieces = { microBatchSize, recompute: recomputedLayers ?? recompute, threads: cores }
  await writePieces(path, pieces)
  return pieces
}
