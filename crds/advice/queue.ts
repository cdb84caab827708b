/** Reasons of a job that waits in a queue or for a dataset. */
import type { Reason } from '../conditions.ts'
import type { Advice } from './advice.ts'

const WAITS = 'Waits; Kueue starts the stage once it admits it.'
const QUEUED_AGAIN =
  'The pod saves a checkpoint and ends; the stage goes on from it once Kueue admits it again. It does not count towards `retry.limit`.'

export const QUEUE = {
  Queued: { operator: WAITS, you: 'Nothing; `kubectl get workloads` shows its place.' },
  WaitingForQuota: {
    operator: WAITS,
    you: 'Wait, suspend a job of your own, or ask the administrator of the ClusterQueue for more.',
  },
  WaitingForPreemptedWorkloads: { operator: WAITS, you: 'Nothing.' },
  WaitingForPodsReady: {
    operator: WAITS,
    you: 'Nothing; where it takes long, see why the pods of the job before do not start.',
  },
  NoMatchingFlavor: {
    operator: WAITS,
    you: "Compare `podTemplate` and `resources.accelerator` (node labels, tolerations) with the queue's ResourceFlavors.",
  },
  TopologyPlacementFailed: { operator: WAITS, you: 'Wait for nodes to get free.' },
  Misconfigured: {
    operator: WAITS,
    you: 'The message says what the queue refers to and does not find; its administrator can mend it.',
  },
  Inadmissible: {
    operator: WAITS,
    you: 'Check `queueName`: `kubectl get localqueues` lists those of the namespace.',
  },
  AdmissionGated: { operator: WAITS, you: 'Who set the gate on the Workload takes it away.' },
  QueueStopped: { operator: WAITS, you: 'Ask the administrator of the queue.' },
  QuotaReserved: {
    operator: WAITS,
    you: 'Nothing; the Workload says which admission check is still to pass.',
  },
  Admitted: { operator: 'Runs the stage.', you: 'Nothing.' },
  Preempted: { operator: QUEUED_AGAIN, you: 'Nothing; a higher `priorityClassName` comes first.' },
  PodsReadyTimeout: {
    operator: QUEUED_AGAIN,
    you: 'See why the pod did not start: image, volume or nodes.',
  },
  AdmissionCheckFailed: { operator: QUEUED_AGAIN, you: 'The message is that of the check.' },
  NodeFailures: { operator: QUEUED_AGAIN, you: 'Nothing.' },
  Evicted: { operator: QUEUED_AGAIN, you: 'Nothing.' },
  WaitingForDataset: {
    operator: 'Waits; the job starts once the InstructionDataset is Ready.',
    you: 'Apply the InstructionDataset that `dataset.ref` names; `kubectl get ids` shows how far it is.',
  },
} as const satisfies Readonly<Partial<Record<Reason, Advice>>>
