import fc from 'fast-check'
import t from 'tap'
import {
  type GenerationOptions,
  generateGreedily,
  type SlotModel,
} from '../../../../trainer-image/src/session/generation-loop.ts'

const EOS = 0

/** Next token of a made-up model that looks at the whole sequence. */
const nextOf = (sequence: readonly number[]): number =>
  sequence.reduce((sum, token, index) => (sum * 31 + token * (index + 1)) % 1009, 7) % 11

const alone = (prompt: Int32Array, maxNewTokens: number): number[] => {
  const sequence = [...prompt]
  while (sequence.length < prompt.length + maxNewTokens) {
    const token = nextOf(sequence)
    if (token === EOS) break
    sequence.push(token)
  }
  return sequence.slice(prompt.length)
}

/** Caches whole sequences, and counts what runs. */
const aSlotModel = (slots: number) => {
  const cache: number[][] = Array.from({ length: slots }, () => [])
  const widths: number[] = []
  const model: SlotModel = {
    prefill: async (first, prompts) => {
      widths.push(prompts.length)
      prompts.forEach((prompt, index) => {
        cache[first + index] = [...prompt]
      })
      return Int32Array.from(prompts, (_, index) => nextOf(cache[first + index]!))
    },
    decode: async (tokens, lengths) => {
      widths.push(tokens.length)
      return tokens.map((token, slot) => {
        const row = cache[slot]!.slice(0, lengths[slot])
        cache[slot] = [...row, token]
        return nextOf(cache[slot]!)
      })
    },
    move: (from, to) => {
      cache[to] = [...cache[from]!]
    },
  }
  return { model, widths }
}

const someOptions = (change: Partial<GenerationOptions> = {}): GenerationOptions => ({
  slots: 4,
  maxNewTokens: 12,
  capacity: 64,
  eosTokenIds: [EOS],
  maxPrefillTokens: 64,
  stopped: () => false,
  onAnswer: () => {},
  onStep: () => {},
  ...change,
})

t.test(
  'many prompts at once give the answers of one by one, in the order of the prompts',
  async t => {
    const prompts = fc.array(
      fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 20 }),
      { maxLength: 30 },
    )
    await fc.assert(
      fc.asyncProperty(
        prompts,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 64 }),
        async (rows, slots, maxPrefillTokens) => {
          const ids = rows.map(row => Int32Array.from(row))
          const { model } = aSlotModel(slots)
          const answers = await generateGreedily(
            model,
            ids,
            someOptions({ slots, maxPrefillTokens }),
          )
          t.same(
            answers?.map(answer => [...answer]),
            ids.map(prompt => alone(prompt, 12)),
          )
        },
      ),
      { numRuns: 60, seed: 1 },
    )
  },
)

t.test('an answer ends at the capacity of its slot', async t => {
  const { model } = aSlotModel(1)
  const prompt = Int32Array.of(1, 2, 3, 4)
  const answers = await generateGreedily(
    model,
    [prompt],
    someOptions({ slots: 1, capacity: 6, eosTokenIds: [] }),
  )
  t.equal(answers?.[0]?.length, 3)
})

t.test('stops between steps', async t => {
  const { model, widths } = aSlotModel(2)
  let steps = 0
  const answers = await generateGreedily(
    model,
    Array.from({ length: 8 }, (_, index) => Int32Array.of(index + 1)),
    someOptions({ slots: 2, eosTokenIds: [], stopped: () => steps >= 3, onStep: () => steps++ }),
  )
  t.equal(answers, undefined)
  t.equal(widths.length, 3)
})

t.test('tells of each answer once, as it ends', async t => {
  const prompts = Array.from({ length: 7 }, (_, index) => Int32Array.of(index + 1, 3))
  const { model } = aSlotModel(3)
  const told: [number, number[]][] = []
  const counts: number[] = []
  const answers = await generateGreedily(
    model,
    prompts,
    someOptions({
      slots: 3,
      onAnswer: (prompt, tokens) => void told.push([prompt, [...tokens]]),
      onStep: done => void counts.push(done.answers - told.length),
    }),
  )
  t.strictSame(
    told.toSorted(([a], [b]) => a - b),
    answers!.map((answer, index) => [index, [...answer]]),
  )
  t.ok(
    counts.every(count => count === 0),
    'no later than the step is',
  )
})

t.test('reports answers and tokens, those that end an answer included', async t => {
  const prompts = [Int32Array.of(3, 1), Int32Array.of(5), Int32Array.of(9, 9, 9)]
  const { model } = aSlotModel(2)
  let last = { answers: 0, tokens: 0 }
  const answers = await generateGreedily(
    model,
    prompts,
    someOptions({
      slots: 2,
      onStep: done => {
        last = done
      },
    }),
  )
  const ended = answers!.filter(answer => answer.length < 12).length
  const tokens = answers!.reduce((sum, answer) => sum + answer.length, 0) + ended
  t.same(last, { answers: 3, tokens })
})

t.test('never runs more rows than slots, nor a prefill larger than allowed', async t => {
  const { model, widths } = aSlotModel(6)
  const prompts = Array.from({ length: 20 }, (_, index) => new Int32Array(5).fill((index % 10) + 1))
  await generateGreedily(model, prompts, someOptions({ slots: 6, maxPrefillTokens: 10 }))
  t.equal(widths[0], 2)
  t.ok(Math.max(...widths) <= 6)
})
