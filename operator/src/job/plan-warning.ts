/** Training that is estimated to need more memory than it may use is tried all the same: estimates are meant to be high. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { planExceedsMemory } from './events.ts'
import type { JobEvent } from './situation.ts'

const GIBIBYTE = 2 ** 30

export const planWarning = (
  { number, plan }: RunStatus,
  { resources }: ResolvedSpec,
): readonly JobEvent[] => {
  if (!plan || plan.fits) return []
  const needed = `${(plan.estimatedMemoryBytes / GIBIBYTE).toFixed(1)} GiB`
  const limit = resources.limits?.['memory']
  const allowed = limit === undefined ? "the node's memory" : `resources.limits.memory ${limit}`
  const rows = `${plan.microBatchSize} ${plan.microBatchSize === 1 ? 'row' : 'rows'} at once`
  const then =
    plan.microBatchSize === 1
      ? 'raise the limit or lower training.sequenceLength'
      : 'if it is killed, it is tried again with half as many'
  return [
    planExceedsMemory(
      `run ${number}: training is estimated to need ${needed} for ${rows}, over ${allowed}; ${then}`,
    ),
  ]
}
