/** Writes that follow from what a cache holds: where it was behind, that is no failure. */
import { isConflict, isNotFound } from './kube-error.ts'
import type { ReconcileResult } from './run-workers.ts'

/** The newer version is on its way to the cache, and its arrival leads here sooner. */
const STALE_RETRY_MS = 1_000

/** @param requeueAfterMs when to look again although nothing changes */
export const actOnCache = async (
  write: () => Promise<void>,
  requeueAfterMs?: number,
): Promise<ReconcileResult | undefined> => {
  try {
    await write()
  } catch (error) {
    if (isConflict(error)) return { requeueAfterMs: STALE_RETRY_MS }
    // deleted since it was looked at
    if (isNotFound(error)) return undefined
    throw error
  }
  return requeueAfterMs === undefined ? undefined : { requeueAfterMs }
}
