/** The sessions used last; making one costs up to seconds, keeping one costs memory. */

type Releasable = { release(): Promise<void> }

export type Opened<Session> = {
  readonly session: Session
  /** what it counts for among the others */
  readonly bytes: number
}

/** The one in use stays whatever it counts for. */
export type CacheLimits = { readonly sessions: number; readonly bytes: number }

export class SessionCache<Session extends Releasable> {
  readonly #limits: CacheLimits
  readonly #open: (key: string) => Promise<Opened<Session>>
  /** in the order of their last use */
  readonly #opened = new Map<string, Opened<Session>>()

  constructor(limits: CacheLimits, open: (key: string) => Promise<Opened<Session>>) {
    this.#limits = limits
    this.#open = open
  }

  async get(key: string): Promise<Session> {
    const opened = this.#opened.get(key) ?? (await this.#open(key))
    this.#opened.delete(key)
    this.#opened.set(key, opened)
    for (const [oldest, unused] of this.#opened) {
      if (oldest === key || !this.#isFull()) break
      this.#opened.delete(oldest)
      await unused.session.release()
    }
    return opened.session
  }

  async close(): Promise<void> {
    const all = [...this.#opened.values()]
    this.#opened.clear()
    for (const { session } of all) await session.release()
  }

  #isFull(): boolean {
    const bytes = [...this.#opened.values()].reduce((sum, opened) => sum + opened.bytes, 0)
    return this.#opened.size > this.#limits.sessions || bytes > this.#limits.bytes
  }
}
