import { createBoundedExamples } from '@attune/trainer/data/bounded-examples.ts'
import t from 'tap'

const example = (id: string) => ({
  id,
  prompt: 'ask',
  reference: 'yes',
  slice: 'all',
  promptTokens: Int32Array.of(1),
})

t.test('the smallest ids stay, whatever the order they come in', async t => {
  const ids = ['f', 'a', 'c', 'e', 'b', 'd']
  for (const order of [ids, ids.toReversed()]) {
    const examples = createBoundedExamples(3)
    for (const id of order) examples.add(example(id))
    t.same(
      examples.take().map(({ id }) => id),
      ['a', 'b', 'c'],
    )
  }
})

t.test('bytes are bounded as well, and one example always stays', async t => {
  const examples = createBoundedExamples(100, 40)
  for (const id of ['c', 'b', 'a']) examples.add(example(id))
  t.same(
    examples.take().map(({ id }) => id),
    ['a', 'b'],
  )
  const small = createBoundedExamples(100, 1)
  small.add(example('a'))
  t.equal(small.take().length, 1)
})
