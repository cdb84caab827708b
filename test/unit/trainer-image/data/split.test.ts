import { contentHash } from '@attune/trainer/data/conversation.ts'
import { hashFraction, isHeldOut } from '@attune/trainer/data/split.ts'
import t from 'tap'

const hash = (number: number) =>
  contentHash({ messages: [{ role: 'user', content: `question ${number}` }] })

t.test('the fraction is that of the hash', async t => {
  t.equal(hashFraction('000000000000ffff'), 0)
  t.equal(hashFraction('800000000000'), 0.5)
  t.ok(hashFraction('f'.repeat(64)) < 1)
})

t.test(
  'a tenth of many examples is held out, and a larger fraction holds out the same ones too',
  async t => {
    const hashes = Array.from({ length: 4000 }, (_, index) => hash(index))
    const tenth = hashes.filter(value => isHeldOut(value, 0.1))
    const fifth = hashes.filter(value => isHeldOut(value, 0.2))
    t.ok(Math.abs(tenth.length - 400) < 80, `${tenth.length} of 4000`)
    t.ok(tenth.every(value => fifth.includes(value)))
  },
)

t.test('the hash is of the messages alone', async t => {
  const messages = [{ role: 'user', content: 'a' }] as const
  const reordered = [{ content: 'a', role: 'user', name: 'x' }] as unknown as typeof messages
  t.equal(contentHash({ messages }), contentHash({ messages: reordered }))
  t.not(contentHash({ messages }), contentHash({ messages: [{ role: 'system', content: 'a' }] }))
})
