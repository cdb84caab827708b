/** Reasons of a job that has not failed and does not go on before somebody changes something. */
import type { Reason } from '../conditions.ts'
import type { Advice } from './advice.ts'

export const STANDS_STILL = {
  PolicyViolation: {
    seenAs: ['denied request', 'TuningPolicy'],
    operator:
      'Says so by `Stalled`. Starts no stage, and goes on by itself once the spec or the policy is changed; a stage that runs already is not stopped. `kubectl apply` of such a spec is refused with the same words.',
    you: 'Ask for what the policy that the message names allows (`kubectl get tuningpolicy NAME -o yaml`), or talk to the administrator.',
  },
  DatasetFailed: {
    operator: 'Says so by `Stalled`. The job starts once the InstructionDataset is Ready.',
    you: 'Mend the InstructionDataset: `kubectl describe ids NAME` says what is wrong with it.',
  },
  FailedToStart: {
    operator:
      'Says so by `Stalled`; Kueue does not try this Job again. A change of `podTemplate`, `resources` or `queueName` makes a new Job, which is queued again.',
    you: 'Take the node label or toleration that contradicts the flavor out of the spec.',
  },
  ExceedsMaxQuota: {
    operator: 'Keeps the stage in the queue, which can never admit it.',
    you: 'Ask for less in `resources`, or choose another `queueName`.',
  },
  Deactivated: {
    operator: 'Keeps the Job, which Kueue has given up, e.g. after too many evictions.',
    you: 'Mend what the message names, then set `spec.active: true` on the Workload.',
  },
} as const satisfies Readonly<Partial<Record<Reason, Advice>>>
