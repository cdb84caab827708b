/** One kind's loop: changes lead keys into its queue, and workers look at one object each. */
import type { ObjectKey } from './kube/kube-object.ts'
import { type Log, withFields } from './kube/log.ts'
import { type ReconcileResult, runWorkers } from './kube/run-workers.ts'
import type { WorkQueue } from './kube/work-queue.ts'

/** A child that the API server refuses, e.g. for a quota, is tried again at least this often. */
export const CHILD_BACKOFF = { baseMs: 50, capMs: 60_000 }
/** Between two looks at the Events of what does not start. */
export const WARNINGS_MS = 10_000

export type Controller = {
  /** name of the kind, in logs and metrics */
  readonly kind: string
  readonly queue: WorkQueue
  readonly reconcile: (key: ObjectKey) => Promise<ReconcileResult | undefined>
  /** calls `handle` with the key of each object that a change concerns */
  readonly subscribe: (handle: (key: ObjectKey) => void) => void
  /** every object there is, to be looked at again now and then */
  readonly keys: () => readonly ObjectKey[]
}

export type ControllerOptions = {
  readonly workers: number
  readonly log: Log
  readonly observe: (kind: string, outcome: string, seconds: number) => void
}

/** Resolves when the queue is shut down and every object that was being looked at is done with. */
export const runController = async (
  { kind, queue, reconcile, subscribe }: Controller,
  { workers, log, observe }: ControllerOptions,
): Promise<void> => {
  subscribe(queue.add)
  await runWorkers({
    queue,
    workers,
    reconcile,
    log: withFields(log, { kind }),
    observe: (outcome, seconds) => observe(kind, outcome, seconds),
  })
}
