/** Workers that take keys from a queue and reconcile each. */
import { setImmediate } from 'node:timers/promises'
import type { Log } from './log.ts'
import type { WorkQueue } from './work-queue.ts'

/** When to look at the key again without being told to. */
export type ReconcileResult = { readonly requeueAfterMs?: number }

export type WorkersOptions = {
  readonly queue: WorkQueue
  readonly workers: number
  /** What it throws is logged and the key is tried again, later each time. */
  readonly reconcile: (key: string) => Promise<ReconcileResult | undefined>
  readonly log: Log
  readonly observe?: (outcome: 'success' | 'requeue' | 'error', seconds: number) => void
  readonly monotonic?: () => number
}

const work = async (options: WorkersOptions): Promise<void> => {
  const { queue, reconcile, log, observe, monotonic = () => performance.now() } = options
  for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
    const started = monotonic()
    const seconds = () => (monotonic() - started) / 1000
    try {
      const result = await reconcile(key)
      queue.forget(key)
      const delayMs = result?.requeueAfterMs
      if (delayMs !== undefined) queue.addAfter(key, delayMs)
      observe?.(delayMs === undefined ? 'success' : 'requeue', seconds())
    } catch (error) {
      log.error({ key, failures: queue.failures(key) + 1, err: error }, 'reconcile failed')
      queue.retry(key)
      observe?.('error', seconds())
    } finally {
      queue.done(key)
    }
    // a reconcile that only reads caches never waits: watches, probes and the lease must get their turn
    await setImmediate()
  }
}

/** Resolves when the queue is shut down and every worker has finished its key. */
export const runWorkers = async (options: WorkersOptions): Promise<void> => {
  await Promise.all(Array.from({ length: options.workers }, () => work(options)))
}
