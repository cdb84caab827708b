/** Large counts as model cards write them: `135M`, `1.1B`, `2T`, or all digits. */
import { Type } from '../schema.ts'
import { SCALED_COUNT } from '../patterns.ts'

const FACTORS: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, B: 1e9, T: 1e12 }
const SCALED = new RegExp(SCALED_COUNT)

export const scaledCount = (description: string) =>
  Type.Unsafe<string | number>({
    'x-kubernetes-int-or-string': true,
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    pattern: SCALED_COUNT,
    description,
    'x-kubernetes-validations': [
      { rule: 'type(self) == string || self >= 0', message: 'must not be negative' },
    ],
  })

/** @returns the number behind `1.1B`; NaN for a text that the schema refuses */
export const parseCount = (value: string | number): number => {
  if (typeof value === 'number') return value
  if (!SCALED.test(value)) return Number.NaN
  const factor = FACTORS[value.at(-1) ?? ''] ?? 1
  // 1.1 * 1e9 is not 1100000000 in binary fractions
  return Math.round(Number(factor === 1 ? value : value.slice(0, -1)) * factor)
}
