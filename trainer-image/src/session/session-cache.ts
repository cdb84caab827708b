/** The sessions used last; making one costs half a second, keeping one costs memory. */
import type { InferenceSession } from 'onnxruntime-node'

export class SessionCache {
  readonly #limit: number
  readonly #open: (key: string) => Promise<InferenceSession>
  /** in the order of their last use */
  readonly #sessions = new Map<string, InferenceSession>()

  constructor(limit: number, open: (key: string) => Promise<InferenceSession>) {
    this.#limit = limit
    this.#open = open
  }

  async get(key: string): Promise<InferenceSession> {
    const session = this.#sessions.get(key) ?? (await this.#open(key))
    this.#sessions.delete(key)
    this.#sessions.set(key, session)
    for (const [oldest, unused] of this.#sessions) {
      if (this.#sessions.size <= this.#limit) break
      this.#sessions.delete(oldest)
      await unused.release()
    }
    return session
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()]
    this.#sessions.clear()
    for (const session of sessions) await session.release()
  }
}
