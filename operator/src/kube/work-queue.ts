/** Keys waiting for a worker: each at most once, one worker a key, a backoff for each that fails. */

export type WorkQueueObserver = {
  /** Keys ready for a worker, after each change. */
  readonly depth?: (keys: number) => void
  /** How long a key was ready before a worker took it. */
  readonly waited?: (seconds: number) => void
  readonly retried?: (key: string) => void
  /** The queue was full. */
  readonly dropped?: (key: string) => void
}

export type WorkQueue = {
  /** False where the queue is full or shut down. A key being worked on is taken again after `done`. */
  add(key: string): boolean
  /** Adds later; the earliest of several calls counts. */
  addAfter(key: string, delayMs: number): boolean
  /** Adds after the key's backoff, which grows with each call until `forget`. */
  retry(key: string): boolean
  /** Ends the key's backoff. */
  forget(key: string): void
  failures(key: string): number
  /** The next key; `undefined` once the queue is shut down and empty. Each must be given back by `done`. */
  take(signal?: AbortSignal): Promise<string | undefined>
  done(key: string): void
  /** No more keys are taken in; waiting ones are still handed out, delayed ones are dropped. */
  shutDown(): void
  /** Resolves when, after `shutDown`, every key was given back. */
  drained(): Promise<void>
  readonly depth: number
}
