/** Training that is estimated to need more memory than it may use is tried all the same: estimates are meant to be high. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import type { Plan } from '@attune/crds/stage.ts'
import { planExceedsMemory } from './events.ts'
import type { JobEvent } from './situation.ts'

const GIBIBYTE = 2 ** 30

const allowed = ({ memoryLimit }: Plan, { limits, accelerator }: ResolvedSpec['resources']) => {
  if (memoryLimit === 'Accelerator')
    return `resources.accelerator.memory ${accelerator?.memory ?? 'of the spec'}`
  const limit = limits?.['memory']
  return limit === undefined ? "the node's memory" : `resources.limits.memory ${limit}`
}

export const planWarning = (
  { number, plan }: RunStatus,
  { resources }: ResolvedSpec,
): readonly JobEvent[] => {
  // where nobody said how much memory there is, none is missing
  if (plan?.fits !== false) return []
  const needed = `${(plan.estimatedMemoryBytes / GIBIBYTE).toFixed(1)} GiB`
  const onAccelerator = plan.memoryLimit === 'Accelerator'
  const rows = `${plan.microBatchSize} ${plan.microBatchSize === 1 ? 'row' : 'rows'} at once`
  const then =
    plan.microBatchSize === 1
      ? `${onAccelerator ? 'ask for an accelerator with more memory' : 'raise the limit'} or lower training.sequenceLength`
      : 'if memory runs out, it is tried again with half as many'
  return [
    planExceedsMemory(
      `run ${number}: training is estimated to need ${needed} for ${rows}, over ${allowed(plan, resources)}; ${then}`,
    ),
  ]
}
