/** A signal that another signal aborts, or time. */
import type { Clock } from './clock.ts'

export type Deadline = {
  readonly signal: AbortSignal
  /** Lets go of the other signal and of the timer; without it they would pile up on a long-lived signal. */
  readonly release: () => void
  /** Ends the time limit only. */
  readonly stopTimer: () => void
  readonly isOver: () => boolean
}

export const startDeadline = (
  clock: Clock,
  delayMs: number,
  parent: AbortSignal | undefined,
  message: string,
): Deadline => {
  const controller = new AbortController()
  let over = false
  const onAbort = () => controller.abort(parent?.reason)
  parent?.addEventListener('abort', onAbort, { once: true })
  if (parent?.aborted) onAbort()
  const stopTimer = clock.after(delayMs, () => {
    over = true
    controller.abort(new DOMException(message, 'TimeoutError'))
  })
  return {
    signal: controller.signal,
    stopTimer,
    release: () => {
      stopTimer()
      parent?.removeEventListener('abort', onAbort)
    },
    isOver: () => over,
  }
}
