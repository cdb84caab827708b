import fc from 'fast-check'
import t from 'tap'
import { readLines, readText } from '../../../../operator/src/kube/response-body.ts'

async function* chunks(...parts: readonly (string | Buffer)[]) {
  for (const part of parts) yield Buffer.from(part)
}
const collect = async (lines: AsyncIterable<string>) => {
  const all: string[] = []
  for await (const line of lines) all.push(line)
  return all
}

t.test('text is whole however it is cut', async t => {
  const bytes = Buffer.from('Zürich €')
  t.equal(await readText(chunks(bytes.subarray(0, 2), bytes.subarray(2)), 100), 'Zürich €')
})

t.test('text above its bound is refused', async t => {
  t.equal(await readText(chunks('123', '45'), 5), '12345')
  await t.rejects(readText(chunks('123', '456'), 5), {
    reason: 'ResponseTooLarge',
    message: 'the response is larger than 5 bytes: ask for fewer objects',
  })
})

t.test('lines are the same wherever the chunks end', async t => {
  const lines = fc.array(fc.string({ minLength: 1 }).filter(text => !text.includes('\n')))
  await fc.assert(
    fc.asyncProperty(lines, fc.integer({ min: 1, max: 7 }), async (lines, size) => {
      const bytes = Buffer.from(lines.map(line => `${line}\n`).join(''))
      const parts: Buffer[] = []
      for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size))
      t.strictSame(await collect(readLines(chunks(...parts), 1000)), lines)
    }),
    { numRuns: 50 },
  )
})

t.test('a line above its bound is refused, also before its end came', async t => {
  await t.rejects(collect(readLines(chunks('12', '34', '56'), 5)), {
    message: 'a line of the response is larger than 5 bytes: ask for fewer objects',
  })
  t.strictSame(await collect(readLines(chunks('12345\n12345\n'), 5)), ['12345', '12345'])
})

t.test('a stream that ends within a line was cut', async t => {
  await t.rejects(collect(readLines(chunks('whole\nha'), 100)), {
    message: 'the stream ended in the middle of a line',
  })
})
