import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createDocumentSpool } from '@attune/trainer/data/document-spool.ts'
import { openPrepared } from '@attune/trainer/data/open-prepared.ts'
import { oneEach, packBestFit } from '@attune/trainer/data/pack.ts'
import { writePrepared } from '@attune/trainer/data/write-prepared.ts'
import t from 'tap'

const T = 8
const document = (...tokens: number[]) => ({
  tokens: Int32Array.from(tokens),
  loss: Uint8Array.from(tokens, (_, index) => (index >= 2 ? 1 : 0)),
})
const example = {
  id: 'a1',
  prompt: 'user: ask',
  reference: 'yes',
  slice: 'lights',
  promptTokens: Int32Array.of(1, 2),
}

const prepare = async (folder: string, name = 'dataset', before = async () => {}) => {
  const train = await createDocumentSpool(join(folder, 'train.spool'))
  await train.append(document(1, 2, 3))
  await train.append(document(4, 5, 6, 7))
  await train.append(document(8, 9, 10, 11, 12))
  const validation = await createDocumentSpool(join(folder, 'validation.spool'))
  await validation.append(document(20, 21, 22))
  const read = async (number: number) => {
    await before()
    return train.read(number)
  }
  try {
    return await writePrepared(join(folder, name), {
      sequenceLength: T,
      vocabularySize: 30,
      train: { spool: { ...train, read }, packing: packBestFit(train.lengths(), T) },
      validation: { spool: validation, packing: oneEach(validation.lengths()) },
      examples: [example],
    })
  } finally {
    await train.close()
    await validation.close()
  }
}

t.test(
  'what is written is read back, packed rows with positions and segments of their own',
  async t => {
    const folder = t.testdir({})
    await prepare(folder)
    const { sequenceLength, train, validation, examples } = await openPrepared(
      join(folder, 'dataset'),
    )
    t.equal(sequenceLength, T)
    t.match(train, { count: 2, tokens: 12, targets: 6 })
    const rows = [train.row(0), train.row(1)]
    t.same(
      rows.map(row => [...row.tokens]),
      [
        [8, 9, 10, 11, 12, 1, 2, 3],
        [4, 5, 6, 7, 0, 0, 0, 0],
      ],
    )
    t.same(
      rows.map(row => [...row.positions]),
      [
        [0, 1, 2, 3, 4, 0, 1, 2],
        [0, 1, 2, 3, 0, 0, 0, 0],
      ],
    )
    t.same(
      rows.map(row => [...row.segments]),
      [
        [1, 1, 1, 1, 1, 2, 2, 2],
        [1, 1, 1, 1, 0, 0, 0, 0],
      ],
    )
    t.same(
      rows.map(row => [...row.loss]),
      [
        [0, 0, 1, 1, 1, 0, 0, 1],
        [0, 0, 1, 1, 0, 0, 0, 0],
      ],
    )
    t.same([...validation.row(0).tokens], [20, 21, 22, 0, 0, 0, 0, 0])
    t.same(examples, [example])
    t.throws(() => train.row(2), RangeError)
  },
)

t.test('equal content gives an equal digest, and writing again replaces', async t => {
  const folder = t.testdir({})
  const first = await prepare(folder)
  t.equal(await prepare(folder), first)
  t.equal(await prepare(folder, 'other'), first)
})

t.test('a write that another overtakes neither breaks it nor is broken by it', async t => {
  const folder = t.testdir({ first: {}, second: {} })
  const name = join('..', 'dataset')
  let overtaken: Promise<string> | undefined
  const digest = await prepare(join(folder, 'first'), name, async () => {
    overtaken ??= prepare(join(folder, 'second'), name)
    await overtaken
  })
  t.equal(await overtaken, digest)
  t.match(await openPrepared(join(folder, 'dataset')), { train: { count: 2 } })
  t.strictSame((await readdir(folder)).toSorted(), ['dataset', 'first', 'second'])
})

t.test('a write that fails leaves what was there before', async t => {
  const folder = t.testdir({})
  await prepare(folder)
  const late = async () => {
    throw new Error('the volume is full')
  }
  await t.rejects(prepare(folder, 'dataset', late), { message: 'the volume is full' })
  t.match(await openPrepared(join(folder, 'dataset')), { train: { count: 2 } })
  const names = ['dataset', 'train.spool', 'validation.spool']
  t.strictSame((await readdir(folder)).toSorted(), names)
})

t.test('a folder that is not what it says is refused', async t => {
  const cases: Record<string, { harm: (folder: string) => Promise<void>; message: RegExp }> = {
    'no index': { harm: async () => {}, message: /nowhere/ },
    'rows cut short': {
      harm: async folder => truncate(join(folder, 'train.rows'), 60),
      message: /train\.rows: 60 bytes, its index says 108/,
    },
    'a header that lies': {
      harm: async folder => {
        const bytes = await readFile(join(folder, 'train.rows'))
        bytes.writeUInt32LE(9, 12)
        await writeFile(join(folder, 'train.rows'), bytes)
      },
      message: /header differs/,
    },
    'a row longer than T': {
      harm: async folder => {
        const bytes = await readFile(join(folder, 'train.rows'))
        bytes.writeUInt32LE(0xffffffff, 40)
        await writeFile(join(folder, 'train.rows'), bytes)
      },
      message: /row 0 has 4294967295 tokens/,
    },
    'figures out of bounds': {
      harm: async folder => {
        const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8'))
        index.train.rows = 1e15
        await writeFile(join(folder, 'index.json'), JSON.stringify(index))
      },
      message: /out of bounds/,
    },
    'an index that is not JSON': {
      harm: async folder => writeFile(join(folder, 'index.json'), '{'),
      message: /not JSON/,
    },
    'examples of another shape': {
      harm: async folder => writeFile(join(folder, 'examples.jsonl'), '{"id":1}\n'),
      message: /line 1 is not one of its 1 examples/,
    },
    'examples missing': {
      harm: async folder => writeFile(join(folder, 'examples.jsonl'), ''),
      message: /0 examples, its index says 1/,
    },
  }
  for (const [sentence, { harm, message }] of Object.entries(cases)) {
    t.test(sentence, async t => {
      const folder = t.testdir({})
      await prepare(folder)
      await harm(join(folder, 'dataset'))
      const name = sentence === 'no index' ? 'nowhere' : 'dataset'
      await t.rejects(openPrepared(join(folder, name)), { reason: 'DatasetMalformed', message })
    })
  }
})

t.test('a token outside the vocabulary is refused when its row is read', async t => {
  const folder = t.testdir({})
  await prepare(folder)
  const path = join(folder, 'dataset', 'train.rows')
  const bytes = await readFile(path)
  bytes.writeInt32LE(30, 40 + 2 * 4)
  await writeFile(path, bytes)
  const { train } = await openPrepared(join(folder, 'dataset'))
  t.throws(() => train.row(0), { message: /row 0 has token 30, the vocabulary has 30/ })
})
