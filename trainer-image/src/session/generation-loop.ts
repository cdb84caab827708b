/**
 * Greedy decoding of many prompts through a fixed number of cache slots. Finished answers leave at once and
 * waiting prompts take their place, so that long answers do not hold up short ones.
 */

/** What runs the model; slots are numbered from 0 and those in use are always the first ones. */
export type SlotModel = {
  /** writes the prompts into slots `first`, `first + 1`, …; returns each one's next token */
  prefill(first: number, prompts: readonly Int32Array[]): Promise<Int32Array>
  /** appends one token to each of the first slots; `lengths` counts the tokens already cached */
  decode(tokens: Int32Array, lengths: Int32Array): Promise<Int32Array>
  /** copies the cache of one slot, `length` tokens, over another's */
  move(from: number, to: number, length: number): void
}

export type GenerationOptions = {
  readonly slots: number
  readonly maxNewTokens: number
  /** tokens that may stand in a slot's cache */
  readonly capacity: number
  readonly eosTokenIds: readonly number[]
  /** tokens of one prefill, padding included; a longer prompt goes alone */
  readonly maxPrefillTokens: number
  readonly stopped: () => boolean
  /** called with each answer as it ends */
  readonly onAnswer: (prompt: number, tokens: Int32Array) => void
  /** called after every step */
  readonly onStep: (done: { readonly answers: number; readonly tokens: number }) => void
}

type Running = {
  readonly prompt: number
  cached: number
  readonly limit: number
  readonly tokens: number[]
}

/** Waiting prompts, longest first: neighbours are of like length, so little of a prefill is padding. */
const longestFirst = (prompts: readonly Int32Array[]): number[] =>
  prompts.map((_, index) => index).sort((a, b) => prompts[b]!.length - prompts[a]!.length || a - b)

/** How many of the waiting prompts start now. Refilling waits for a quarter of the slots: a prefill of one row costs almost that of four. */
const admitted = (
  waiting: readonly number[],
  prompts: readonly Int32Array[],
  free: number,
  { slots, maxPrefillTokens }: GenerationOptions,
): number => {
  if (free < slots && free < Math.ceil(slots / 4) && free < waiting.length) return 0
  const longest = prompts[waiting[0] ?? -1]?.length ?? 1
  return Math.min(free, waiting.length, Math.max(1, Math.floor(maxPrefillTokens / longest)))
}

/** @returns the answers in the order of the prompts, without the token that ended them; undefined when stopped */
export const generateGreedily = async (
  model: SlotModel,
  prompts: readonly Int32Array[],
  options: GenerationOptions,
): Promise<readonly Int32Array[] | undefined> => {
  const answers: Int32Array[] = prompts.map(() => new Int32Array(0))
  const waiting = longestFirst(prompts)
  const running: Running[] = []
  const done = { answers: 0, tokens: 0 }

  const accept = (row: Running, token: number): boolean => {
    done.tokens++
    const ended = options.eosTokenIds.includes(token)
    if (!ended) row.tokens.push(token)
    return ended || row.tokens.length >= row.limit
  }
  const retire = (finished: readonly number[]) => {
    // from the back, so that the row moved into the gap is one that goes on
    for (const slot of finished.toReversed()) {
      const row = running[slot]!
      const answer = Int32Array.from(row.tokens)
      answers[row.prompt] = answer
      done.answers++
      options.onAnswer(row.prompt, answer)
      const last = running.pop()!
      if (last === row) continue
      model.move(running.length, slot, last.cached)
      running[slot] = last
    }
  }
  const take = (first: number, next: Int32Array) => {
    const finished: number[] = []
    next.forEach((token, index) => {
      if (accept(running[first + index]!, token)) finished.push(first + index)
    })
    retire(finished)
    options.onStep({ ...done })
  }

  while (waiting.length + running.length > 0) {
    if (options.stopped()) return undefined
    const first = running.length
    const count = admitted(waiting, prompts, options.slots - first, options)
    if (count > 0) {
      const starting = waiting.splice(0, count)
      for (const prompt of starting) {
        const cached = prompts[prompt]!.length
        // the last token is never cached, hence one more
        const limit = Math.min(options.maxNewTokens, options.capacity - cached + 1)
        running.push({ prompt, cached, limit, tokens: [] })
      }
      take(
        first,
        await model.prefill(
          first,
          starting.map(prompt => prompts[prompt]!),
        ),
      )
    } else {
      const tokens = Int32Array.from(running, row => row.tokens.at(-1)!)
      const lengths = Int32Array.from(running, row => row.cached)
      for (const row of running) row.cached++
      take(0, await model.decode(tokens, lengths))
    }
  }
  return answers
}
