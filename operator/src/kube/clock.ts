/** Time as a dependency: wall time for stamps, monotonic time for durations, timers, and a sleep that can be aborted. */

export type Clock = {
  /** Milliseconds since 1970; may jump. */
  now(): number
  /** Milliseconds since some moment; never jumps. */
  monotonic(): number
  /** Calls back once; the result cancels. */
  after(delayMs: number, callback: () => void): () => void
}

/** A longer `setTimeout` fires at once; firing early is harmless where the callback looks at the state. */
export const MAX_DELAY_MS = 2 ** 31 - 1

export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs: number, callback: () => void) => {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), MAX_DELAY_MS))
    return () => clearTimeout(timer)
  },
})

/** Rejects with the signal's reason once it is aborted. */
export const sleep = (clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = () => {
      cancel()
      reject(signal?.reason)
    }
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
