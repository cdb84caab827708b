/** The table of gradients: operator -> vector-Jacobian product. Composites of ours are rows like any other. */

import { ATTENTION } from './composites/attention.ts'
import { CROSS_ENTROPY } from './composites/cross-entropy.ts'
import { LONG_ATTENTION } from './composites/long-attention.ts'
import { QUANTIZED_LINEAR } from './composites/quantized-linear.ts'
import { UNIT_RMS } from './composites/unit-rms.ts'
import { ARITHMETIC } from './gradients/arithmetic.ts'
import { FUSED } from './gradients/fused.ts'
import { MATRIX } from './gradients/matrix.ts'
import { MOVEMENT } from './gradients/movement.ts'
import { REDUCTION } from './gradients/reduction.ts'
import type { Row } from './row.ts'

export const GRADIENTS: Readonly<Record<string, Row>> = Object.freeze({
  ...ARITHMETIC,
  ...MATRIX,
  ...MOVEMENT,
  ...REDUCTION,
  ...FUSED,
  ...ATTENTION,
  ...LONG_ATTENTION,
  ...CROSS_ENTROPY,
  ...UNIT_RMS,
  ...QUANTIZED_LINEAR,
})
