import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readLines } from '@attune/trainer/data/read-lines.ts'
import { readRecords } from '@attune/trainer/data/read-records.ts'
import t from 'tap'

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

const file = async (test: Pick<typeof t, 'testdir'>, name: string, content: string | Buffer) => {
  const path = join(test.testdir({}), name)
  await writeFile(path, content)
  return { path, name: `pvc://data/${name}` }
}

t.test('.jsonl', async t => {
  const cases: Record<string, { content: string | Buffer; values: unknown[]; lines: number[] }> = {
    'one object per line': {
      content: '{"a":1}\n{"a":2}\n',
      values: [{ a: 1 }, { a: 2 }],
      lines: [1, 2],
    },
    'no line feed at the end': {
      content: '{"a":1}\n{"a":2}',
      values: [{ a: 1 }, { a: 2 }],
      lines: [1, 2],
    },
    'blank lines count but hold nothing': {
      content: '\n{"a":1}\n  \n\n{"a":2}\n',
      values: [{ a: 1 }, { a: 2 }],
      lines: [2, 5],
    },
    'a byte order mark is skipped': { content: '\ufeff{"a":1}\n', values: [{ a: 1 }], lines: [1] },
    'carriage returns are white space': {
      content: '{"a":1}\r\n{"a":2}\r\n',
      values: [{ a: 1 }, { a: 2 }],
      lines: [1, 2],
    },
    'an empty file has no records': { content: '', values: [], lines: [] },
    'characters over chunk borders stay whole': {
      content: `${`{"a":"${'é'.repeat(40_001)}"}\n`.repeat(3)}`,
      values: Array(3).fill({ a: 'é'.repeat(40_001) }),
      lines: [1, 2, 3],
    },
  }
  for (const [sentence, { content, values, lines }] of Object.entries(cases)) {
    t.test(sentence, async t => {
      const records = await all(readRecords(await file(t, 'x.jsonl', content)))
      t.same(
        records.map(({ value }) => value),
        values,
      )
      t.same(
        records.map(({ origin }) => origin.number),
        lines,
      )
      if (records.length > 0) t.equal(records.at(-1)?.fraction, 1)
    })
  }
})

t.test('a broken line 17 is named with its text', async t => {
  const lines = Array.from({ length: 20 }, (_, index) => `{"prompt":"${index}","completion":"x"}`)
  lines[16] = `{"prompt": "hello" "completion": "${'x'.repeat(500)}"}`
  const source = await file(t, 'train.jsonl', lines.join('\n'))
  await t.rejects(all(readRecords(source)), {
    reason: 'DatasetMalformed',
    exitCode: 65,
    message:
      /^pvc:\/\/data\/train\.jsonl line 17: not JSON: \{"prompt": "hello" "completion": "x+…$/,
  })
  const message = await all(readRecords(source)).catch((error: Error) => error.message)
  t.equal(String(message).split('not JSON: ')[1]?.length, 201, '200 characters and the ellipsis')
})

t.test('a line over the bound is refused, however the file is chunked', async t => {
  const source = await file(t, 'x.jsonl', `{}\n{"a":"${'x'.repeat(300_000)}"}`)
  await t.rejects(all(readLines(source.path, source.name, 200_000)), {
    reason: 'DatasetMalformed',
    message: /line 2: longer than 200000 bytes/,
  })
})

t.test('what is not UTF-8 is refused', async t => {
  const source = await file(t, 'x.jsonl', Buffer.from([0x7b, 0x7d, 0x0a, 0x22, 0xff, 0x22, 0x0a]))
  await t.rejects(all(readRecords(source)), { message: /line 2: not UTF-8/ })
})

t.test('.json', async t => {
  const array = await all(readRecords(await file(t, 'x.json', '\ufeff[{"a":1},\n{"a":2}]')))
  t.same(
    array.map(({ value, origin }) => [value, origin.unit, origin.number]),
    [
      [{ a: 1 }, 'example', 1],
      [{ a: 2 }, 'example', 2],
    ],
  )
  await t.rejects(all(readRecords(await file(t, 'x.json', '{"a":1}'))), {
    message: /must be an array of examples/,
  })
  await t.rejects(all(readRecords(await file(t, 'x.json', '[\n{"a":1},\n{"a" 2}\n]'))), {
    message: /x\.json line 3: not JSON: \{"a" 2\}/,
  })
  await t.rejects(all(readRecords(await file(t, 'x.json', '[{"a":1}, '))), {
    message: /x\.json line 1: not JSON: \[\{"a":1\},/,
  })
  await t.rejects(all(readRecords(await file(t, 'x.json', '[1,2,3]'), 5)), {
    message: /7 bytes, at most 5 are read of a \.json file; write it as \.jsonl/,
  })
})

const BROKEN = {
  'a bare word': '{"prompt": bad, "completion": "x"}',
  'None of Python': '{"prompt": None, "completion": "x"}',
  'NaN of Python': '{"prompt": "a", "completion": NaN}',
  'a comma too few': '{"prompt": "a" "completion": "x"}',
  'a comma too many': '{"prompt": "a", "completion": "x",}',
  'single quotes': "{'prompt': 'a', 'completion': 'x'}",
  'a control character': '{"prompt": "a\tb", "completion": "x"}',
  'an unknown escape': '{"prompt": "a\\q", "completion": "x"}',
  'a text without end': '{"prompt": "a, "completion": "x}',
}
for (const [what, broken] of Object.entries(BROKEN))
  t.test(`${what} in line 17 of a .json file is named with its text`, async t => {
    const lines = Array.from({ length: 40 }, (_, i) => `  {"prompt": "${i}", "completion": "x"}`)
    lines[15] = `  ${broken}`
    const source = await file(t, 'x.json', `[\n${lines.join(',\n')}\n]\n`)
    const message = await all(readRecords(source)).catch((error: Error) => error.message)
    // a comma is part of the line
    t.equal(message, `pvc://data/x.json line 17: not JSON: ${broken},`)
  })

t.test('of a .json file in one long line the part with the fault is shown', async t => {
  const many = Array.from({ length: 100 }, (_, i) => `{"a":${i}}`).join(',')
  const source = await file(t, 'x.json', `[${many},{"a":None},${many}]`)
  await t.rejects(all(readRecords(source)), { message: /line 1: not JSON: ….*"a":None/ })
})

t.test('a .json file that is not UTF-8 is refused with its line', async t => {
  const bytes = Buffer.from('[\n{"a":"\u00ff"}\n]', 'latin1')
  await t.rejects(all(readRecords(await file(t, 'x.json', bytes))), {
    reason: 'DatasetMalformed',
    message: 'pvc://data/x.json line 2: not UTF-8; save the file as UTF-8',
  })
})

t.test('other endings are refused, queries after the name are not part of it', async t => {
  const { path } = await file(t, 'x.jsonl', '{}')
  t.throws(() => readRecords({ path, name: 'file://x.csv' }), {
    message: /end in \.jsonl or \.json/,
  })
  t.same((await all(readRecords({ path, name: 'https://h/x.jsonl?download=true' }))).length, 1)
})
