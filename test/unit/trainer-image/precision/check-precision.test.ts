import t from 'tap'
import { checkPrecision } from '../../../../trainer-image/src/precision/check-precision.ts'

const CUDA = { ATTUNE_EXECUTION_PROVIDER: 'cuda' }

t.test('half types are computed where CUDA does it, and nowhere in silence', async t => {
  for (const precision of ['FP16', 'BF16'] as const) {
    checkPrecision({ precision }, CUDA)
    t.throws(() => checkPrecision({ precision }, {}), {
      reason: 'InvalidSpec',
      message: `training.precision: ${precision} needs an accelerator, and this process computes on the CPU; train with the cuda image, or take FP32`,
    })
  }
  for (const environment of [CUDA, {}]) {
    checkPrecision({ precision: 'FP32' }, environment)
    checkPrecision({}, environment)
  }
})
