/** Tries again after errors that may pass: whatever is not a StageError and not the caller's own abort. */
import { setTimeout as sleep } from 'node:timers/promises'
import { StageError } from '../stage-error.ts'
import { failureReason } from './failure-reason.ts'

/** An attempt that failed and is followed by another. */
export type Retry = {
  readonly reason: string
  /** from 1 */
  readonly attempt: number
  readonly attempts: number
  /** until the next one */
  readonly delaySeconds: number
}

export type RetryOptions = {
  /** waits between the attempts; one attempt more than there are waits */
  readonly delaysMs?: readonly number[]
  /** told before each wait */
  readonly onRetry?: (retry: Retry) => void
}

const DELAYS_MS = [1_000, 2_000, 4_000, 8_000, 15_000]
const MAX_SERVER_DELAY_MS = 60_000

/** An error whose cause said when to come back (HTTP's Retry-After). */
export class BusySource extends Error {
  readonly retryAfterMs: number

  constructor(message: string, retryAfterMs: number, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BusySource'
    this.retryAfterMs = retryAfterMs
  }
}

export const retryText = ({ reason, attempt, attempts, delaySeconds }: Retry): string =>
  `${reason}, attempt ${attempt} of ${attempts}, next in ${Math.round(delaySeconds)} s`

export const withRetry = async <T>(
  what: string,
  action: () => Promise<T>,
  signal: AbortSignal,
  { delaysMs = DELAYS_MS, onRetry }: RetryOptions = {},
): Promise<T> => {
  for (let attempt = 0; ; attempt++) {
    try {
      signal.throwIfAborted()
      return await action()
    } catch (error) {
      if (signal.aborted || error instanceof StageError) throw error
      const delay = delaysMs[attempt]
      if (delay === undefined)
        throw new Error(`${what}: ${describe(error)}, after ${attempt + 1} attempts`, {
          cause: error,
        })
      const wait = waitMs(delay, error)
      onRetry?.({
        reason: failureReason(error),
        attempt: attempt + 1,
        attempts: delaysMs.length + 1,
        delaySeconds: wait / 1000,
      })
      await sleep(wait, undefined, { signal })
    }
  }
}

const waitMs = (delayMs: number, error: unknown): number => {
  const asked = error instanceof BusySource ? error.retryAfterMs : 0
  // up to a quarter more, so that many pods do not come back at the same moment
  const jittered = delayMs * (1 + Math.random() / 4)
  return Math.min(MAX_SERVER_DELAY_MS, Math.max(jittered, asked))
}

/** fetch says only "fetch failed"; what failed is in its cause. */
const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  return `${error.message}${cause}`
}
