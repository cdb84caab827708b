/** In which pieces a run is computed. Decided once: a resume with other pieces would round differently and end at other bits. */
import { readFile } from 'node:fs/promises'
import type { Plan } from '@attune/crds/stage.ts'
import { writeFileAtomically } from '../atomic-file.ts'

export type Pieces = Pick<Plan, 'microBatchSize' | 'recompute'>

const isPieces = (value: unknown): value is Pieces => {
  const { microBatchSize, recompute } = (value ?? {}) as Partial<Pieces>
  return (
    Number.isSafeInteger(microBatchSize) &&
    (microBatchSize ?? 0) >= 1 &&
    typeof recompute === 'boolean'
  )
}

/** What the gradient is summed over gets smaller and the sum stays; at one row at a time there is nothing to halve. */
export const halved = (pieces: Pieces, times: number): Pieces => ({
  ...pieces,
  microBatchSize: Math.max(1, Math.floor(pieces.microBatchSize / 2 ** times)),
})

/** @returns what an earlier start of this run chose, else what the plan says, which is then kept */
export const pinPieces = async (path: string, plan: Plan): Promise<Pieces> => {
  const earlier: unknown = await readFile(path, 'utf8')
    .then(JSON.parse)
    .catch(() => undefined)
  if (isPieces(earlier)) return earlier
  const { microBatchSize, recompute } = plan
  await writeFileAtomically(path, `${JSON.stringify({ microBatchSize, recompute })}\n`)
  return { microBatchSize, recompute }
}
