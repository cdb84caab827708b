/** Whether this process can compute in the precision that the spec asks for. */
import type { ResolvedTraining } from '@attune/crds/resolved-spec.ts'
import { type Environment, usesCuda } from '../session/execution-providers.ts'
import { invalidSpec } from '../stage-error.ts'
import { halfTypeOf } from './half-type.ts'

/**
 * ONNX Runtime has no CPU kernels for bfloat16, and computes float16 by way of float32: slower, and rounded for nothing.
 * @throws StageError where the CPU would compute in a half type
 */
export const checkPrecision = (
  training: Pick<ResolvedTraining, 'precision'>,
  environment: Environment,
): void => {
  if (halfTypeOf(training) === undefined || usesCuda(environment)) return
  throw invalidSpec(
    `training.precision: ${training.precision} needs an accelerator, and this process computes on the CPU; train with the cuda image, or take FP32`,
  )
}
