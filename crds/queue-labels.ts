/** Labels by which Kueue takes a Job into a queue; an InstructionDataset carries the first two itself. */
export const QUEUE_LABEL = 'kueue.x-k8s.io/queue-name'
export const PRIORITY_LABEL = 'kueue.x-k8s.io/priority-class'
export const MAX_SECONDS_LABEL = 'kueue.x-k8s.io/max-exec-time-seconds'
