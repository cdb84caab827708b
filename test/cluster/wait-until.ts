import { setTimeout as sleep } from 'node:timers/promises'

export type WaitOptions = {
  readonly what: string
  readonly timeoutMs: number
  readonly everyMs?: number
  /** Text for the error, such as the end of a log. */
  readonly detail?: () => string
  /** Returns false once waiting has no more sense, such as when the process has died. */
  readonly isPossible?: () => boolean
}

/** Polls until `check` returns true. */
export const waitUntil = async (
  check: () => Promise<boolean>,
  { what, timeoutMs, everyMs = 100, detail, isPossible = () => true }: WaitOptions,
): Promise<void> => {
  const deadline = Date.now() + timeoutMs
  while (!(await check())) {
    const explained = detail === undefined ? '' : `\n${detail()}`
    if (!isPossible()) throw new Error(`${what}: it ended before that${explained}`)
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms${explained}`)
    await sleep(everyMs)
  }
}
