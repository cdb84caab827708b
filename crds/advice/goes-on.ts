/** Reasons of a job that goes on by itself. */
import type { Reason } from '../conditions.ts'
import type { Advice } from './advice.ts'

export const GOES_ON = {
  Retrying: {
    seenAs: ['Evicted', 'Preempted', 'DisruptionTarget', 'NodeLost', 'exit code 75'],
    operator:
      'Kubernetes makes the next pod after a pause of 10 s, then 20 s, and so on up to 6 min; training goes on from its last checkpoint. An eviction, a preemption, a lost node and a stop with a checkpoint do not count towards `retry.limit`. The pod of a node that is down is replaced once the node is back or given up; see NodeNotResponding.',
    you: 'Nothing. Where it happens over and over, the message says why the last attempt failed.',
  },
  WorkspaceLost: {
    operator: 'Makes a new workspace volume and starts the run from Prepare.',
    you: 'Do not delete the claim of a job that runs; suspend it in place of that.',
  },
  PlanExceedsMemory: {
    operator:
      'An Event only: `status.plan.fits` is false and training starts all the same, since the estimate is meant to be high. If memory runs out, the next attempt computes half as many rows at once.',
    you: 'Raise `resources.limits.memory` (or ask for an accelerator with more memory, where `status.plan.memoryLimit` is `Accelerator`), lower `training.sequenceLength`, set `training.microBatchSize: Auto`, or set `training.gradientCheckpointing: Enabled`.',
  },
  MicroBatchHalved: {
    operator:
      'Training goes on from its checkpoint. The gradient is still that of the whole batch, so the result is the same up to rounding. Each attempt counts towards `retry.limit`.',
    you: 'Nothing. To spare the attempts the next time, lower `training.microBatchSize` or raise `resources.limits.memory`.',
  },
} as const satisfies Readonly<Partial<Record<Reason, Advice>>>
