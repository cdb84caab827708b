/** How full rows get of real examples: recorded lengths of GSM8K's train split. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { packBestFit } from '../../../../trainer-image/src/data/pack.ts'
import { byTokens, inGroups } from '../../../../trainer-image/src/train/group-rows.ts'
import { lengthOf } from '../../../../trainer-image/src/train/micro-batch.ts'
import { rowsOfStep, stepsPerEpoch } from '../../../../trainer-image/src/train/steps.ts'
import type { Row } from '../../../../trainer-image/src/data/prepared.ts'
import { aRow } from '../../../fixtures/a-row.ts'

const SEQUENCE_LENGTH = 512
const { counts } = JSON.parse(
  readFileSync(new URL('../../../fixtures/packing/gsm8k-lengths.json', import.meta.url), 'utf8'),
) as { readonly counts: Readonly<Record<string, number>> }
const lengths = Int32Array.from(
  Object.entries(counts).flatMap(([length, count]) =>
    Array.from({ length: count }, () => Number(length)),
  ),
)
const tokens = lengths.reduce((sum, length) => sum + length, 0)

t.test('rows of GSM8K at 512 tokens are at least 95 % full', async t => {
  const { rows, documents, starts } = packBestFit(lengths, SEQUENCE_LENGTH)
  const full = tokens / (rows * SEQUENCE_LENGTH)
  t.ok(full >= 0.95, `${(100 * full).toFixed(1)} %`)
  t.equal(new Set(documents).size, lengths.length, 'every example is in a row, once')
  for (let row = 0; row < rows; row++) {
    const own = documents.subarray(starts[row], starts[row + 1])
    const sum = own.reduce((all, document) => all + (lengths[document] ?? 0), 0)
    if (sum > SEQUENCE_LENGTH) t.fail(`row ${row} has ${sum} tokens`)
  }
})

/** Rows as training reads them where packing is off. */
const rowOf = (length: number): Row =>
  aRow(SEQUENCE_LENGTH, { tokens: Array.from({ length }, () => 1), answer: 1 })

t.test('without packing, rows of like length leave little padding', async t => {
  const plan = { rows: lengths.length, batchSize: 16, seed: 1 }
  const steps = Array.from({ length: Math.min(100, stepsPerEpoch(plan)) }, (_, step) =>
    rowsOfStep(plan, step).map(row => rowOf(lengths[row] ?? 0)),
  )
  const real = steps.flat().reduce((sum, row) => sum + row.segments.reduce((a, b) => a + b, 0), 0)
  const full = (group: (rows: readonly Row[]) => readonly (readonly Row[])[]) => {
    const groups = steps.flatMap(rows => group(rows))
    const computed = groups.reduce((sum, rows) => sum + rows.length * lengthOf(rows), 0)
    return { share: real / computed, groups: groups.length }
  }
  const tokenBound = full(rows => byTokens(rows, 4 * SEQUENCE_LENGTH))
  const inOrder = full(rows => inGroups(rows, 4))
  t.ok(tokenBound.share > 0.75, `${(100 * tokenBound.share).toFixed(1)} % of what is computed`)
  t.ok(tokenBound.share > inOrder.share + 0.07, `in order ${(100 * inOrder.share).toFixed(1)} %`)
  t.ok(tokenBound.groups < inOrder.groups, `${tokenBound.groups}, not ${inOrder.groups}`)
})
