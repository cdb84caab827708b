import fc from 'fast-check'
import t from 'tap'
import { createWorkQueue } from '../../../../operator/src/kube/work-queue.ts'

type Step = { readonly do: 'add' | 'take' | 'done'; readonly key: string }
const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('add', 'take', 'done'),
  key: fc.constantFrom('a', 'b', 'c'),
})

t.test('whatever the order, no key has two workers and no add is lost', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
      const queue = createWorkQueue()
      const working = new Set<string>()
      /** Added since it was last taken. */
      const owed = new Set<string>()
      const take = async () => {
        const key = (await queue.take()) as string
        if (working.has(key)) throw new Error(`${key} has two workers`)
        if (!owed.delete(key)) throw new Error(`${key} was not added`)
        working.add(key)
      }
      const done = (key: string) => {
        if (working.delete(key)) queue.done(key)
      }
      for (const { do: what, key } of steps) {
        if (what === 'add') {
          queue.add(key)
          owed.add(key)
        } else if (what === 'done') done(key)
        else if (queue.depth > 0) await take()
      }
      for (const key of [...working]) done(key)
      while (queue.depth > 0) await take()
      t.equal(owed.size, 0)
    }),
    { numRuns: 200 },
  )
})
