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

const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 1

const isRecompute = (value: unknown): value is Recompute =>
  typeof value === 'boolean' || (Number.isSafeInteger(value) && Number(value) >= 0)

const isPieces = (value: unknown): value is Pieces => {
  const { microBatchSize, recompute, threads } = (value ?? {}) as Partial<Pieces>
  return isCount(microBatchSize) && isRecompute(recompute) && isCount(threads)
}

/** What the gradient is summed over gets smaller and the sum stays; at one row at a time there is nothing to halve. */
export const halved = (pieces: Pieces, times: number): Pieces => ({
  ...pieces,
  microBatchSize: Math.max(1, Math.floor(pieces.microBatchSize / 2 ** times)),
})

/** @returns what an earlier start of this run chose, else what the plan says and this machine's cores, which is then kept */
export const pinPieces = async (path: string, plan: Plan, cores: number): Promise<Pieces> => {
  const earlier: unknown = await readFile(path, 'utf8')
    .then(JSON.parse)
    .catch(() => undefined)
  if (isPieces(earlier)) return earlier
  const { microBatchSize, recompute, recomputedLayers } = plan
  const pieces = { microBatchSize, recompute: recomputedLayers ?? recompute, threads: cores }
  await writeFileAtomically(path, `${JSON.stringify(pieces)}\n`)
  return pieces
}
