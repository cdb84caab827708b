/** The types of 16 bits that training may compute with, and what the spec calls them. */
import type { ResolvedTraining } from '@attune/crds/resolved-spec.ts'

export type HalfType = 'float16' | 'bfloat16'

const TYPES = { FP32: undefined, FP16: 'float16', BF16: 'bfloat16' } as const

/** @returns undefined where everything is float32 */
export const halfTypeOf = ({
  precision = 'FP32',
}: Pick<ResolvedTraining, 'precision'>): HalfType | undefined => TYPES[precision]

/** float16 has no numbers below 6e-8, where most gradients are; bfloat16 has the range of float32. */
export const scalesLoss = (half: HalfType | undefined): boolean => half === 'float16'
