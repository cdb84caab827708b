import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BuildOptions, buildDataset } from '@attune/trainer/data/build-dataset.ts'
import t from 'tap'
import { byteRenderer, VOCABULARY } from '../../../fixtures/byte-renderer.ts'

type Pair = { prompt: string; completion: string; intent?: string }
const pairs = (count: number, prefix = 'question'): Pair[] =>
  Array.from({ length: count }, (_, index) => ({
    prompt: `${prefix} ${index}`,
    completion: `answer ${index}`,
    intent: index % 3 === 0 ? 'lights' : 'heating',
  }))

const write = async (folder: string, name: string, examples: readonly Pair[]) => {
  const path = join(folder, name)
  await writeFile(path, examples.map(example => `${JSON.stringify(example)}\n`).join(''))
  return { path, name: `file://${name}`, format: 'Auto' } as const
}

const options = (folder: string, changed: object): BuildOptions =>
  ({
    train: [],
    sequenceLength: 64,
    vocabularySize: VOCABULARY,
    renderer: byteRenderer(),
    scratch: join(folder, 'scratch'),
    signal: new AbortController().signal,
    packing: true,
    onProgress: () => {},
    ...changed,
    dataset: {
      sources: [],
      validation: {},
      quality: { minExamples: 1, maxDuplicateFraction: 1 },
      lossOn: 'Response',
      ...(changed as { dataset?: object }).dataset,
    },
  }) as BuildOptions

t.test('a data set is split, counted and packed', async t => {
  const folder = t.testdir({})
  const train = [await write(folder, 'train.jsonl', [...pairs(200), ...pairs(10)])]
  const built = await buildDataset(
    join(folder, 'dataset'),
    options(folder, { train, dataset: { categoryColumn: 'intent' } }),
  )
  const { summary, dataset, report } = built
  t.equal(summary.trainExamples + summary.validationExamples, 200)
  t.ok(summary.validationExamples > 5 && summary.validationExamples < 40)
  t.equal(summary.duplicates, 10)
  t.equal(summary.rows, dataset.train.count)
  t.ok(summary.rows < summary.trainExamples)
  t.equal(dataset.examples.length, summary.validationExamples)
  t.same(Object.keys(summary.slices), ['heating', 'lights'])
  t.equal(report.counts.read, 210)
  t.ok(report.rows.fullness > 0.5 && report.rows.fullness <= 1)
  t.equal(report.samples.length, 3)
  t.match(report.samples[0]?.spans.slice(0, 2), [
    { document: 1, learned: false, text: /^<turn>user:question \d+<end><turn>assistant:$/ },
    { document: 1, learned: true, text: /^answer \d+<end>$/ },
  ])
  t.notOk((await readdir(folder)).includes('scratch'))
})

t.test('adding examples moves none to the other side', async t => {
  const folder = t.testdir({})
  const ids = async (examples: Pair[]) => {
    const train = [await write(folder, 'train.jsonl', examples)]
    const { dataset } = await buildDataset(join(folder, 'dataset'), options(folder, { train }))
    return new Set(dataset.examples.map(({ id }) => id))
  }
  const before = await ids(pairs(100))
  const after = await ids([...pairs(100, 'new'), ...pairs(100)])
  t.ok([...before].every(id => after.has(id)))
})

t.test('an example of the validation file stays out of the training data', async t => {
  const folder = t.testdir({})
  const train = [await write(folder, 'train.jsonl', pairs(20))]
  const validation = [await write(folder, 'validation.jsonl', pairs(5))]
  const { summary } = await buildDataset(
    join(folder, 'dataset'),
    options(folder, {
      train,
      validation,
      dataset: { validation: { sources: [{ uri: 'file://x' }] } },
    }),
  )
  t.match(summary, { trainExamples: 15, validationExamples: 5, duplicates: 5 })
})

t.test('packed and unpacked rows hold the same documents', async t => {
  const folder = t.testdir({})
  const train = [await write(folder, 'train.jsonl', pairs(40))]
  const contents = async (packing: boolean) => {
    const { dataset } = await buildDataset(
      join(folder, `d${packing}`),
      options(folder, { train, packing }),
    )
    const documents: string[] = []
    for (let index = 0; index < dataset.train.count; index++) {
      const row = dataset.train.row(index)
      for (let segment = 1; row.segments.includes(segment); segment++) {
        const inSegment = [...row.tokens.keys()].filter(t => row.segments[t] === segment)
        documents.push(
          JSON.stringify(inSegment.map(t => [row.tokens[t], row.positions[t], row.loss[t]])),
        )
      }
    }
    return documents.toSorted()
  }
  t.same(await contents(true), await contents(false))
})

t.test('the same data gives the same digest, other data another', async t => {
  const folder = t.testdir({})
  const digest = async (count: number) => {
    const train = [await write(folder, 'train.jsonl', pairs(count))]
    return (await buildDataset(join(folder, 'dataset'), options(folder, { train }))).digest
  }
  const first = await digest(50)
  t.equal(await digest(50), first)
  t.not(await digest(51), first)
})

t.test('failures leave nothing behind', async t => {
  const folder = t.testdir({})
  const empty = [await write(folder, 'empty.jsonl', [])]
  await t.rejects(buildDataset(join(folder, 'dataset'), options(folder, { train: empty })), {
    reason: 'DatasetMalformed',
    message: 'file://empty.jsonl: no examples',
  })
  const train = [await write(folder, 'train.jsonl', pairs(50))]
  await t.rejects(
    buildDataset(join(folder, 'dataset'), options(folder, { train, sequenceLength: 8 })),
    {
      message:
        /no training example is left of 50: 0 duplicates, \d+ with an answer longer than training\.sequenceLength 8/,
    },
  )
  await t.rejects(
    buildDataset(join(folder, 'dataset'), options(folder, { train, vocabularySize: 200 })),
    {
      reason: 'ModelMalformed',
      message: /the tokenizer gives token \d+, the model's embedding has 200 rows/,
    },
  )
  t.same((await readdir(folder)).toSorted(), ['empty.jsonl', 'train.jsonl'])
})

t.test('an aborted signal ends it', async t => {
  const folder = t.testdir({})
  const train = [await write(folder, 'train.jsonl', pairs(200))]
  const signal = AbortSignal.abort(new Error('stop'))
  await t.rejects(buildDataset(join(folder, 'dataset'), options(folder, { train, signal })), {
    message: 'stop',
  })
  t.same(await readdir(folder), ['train.jsonl'])
})

t.test('truncated examples are counted', async t => {
  const folder = t.testdir({})
  const long = { prompt: 'x'.repeat(200), completion: 'yes' }
  const train = [await write(folder, 'train.jsonl', [...pairs(100), long])]
  const { summary } = await buildDataset(
    join(folder, 'dataset'),
    options(folder, { train, dataset: { validation: { fraction: 0.05 } } }),
  )
  t.match(summary, { truncated: 1, dropped: 0 })
})

t.test('a column of categories that no example has is a mistake, and named', async t => {
  const folder = t.testdir({})
  const train = [await write(folder, 'train.jsonl', pairs(20))]
  await t.rejects(
    buildDataset(
      join(folder, 'dataset'),
      options(folder, { train, dataset: { categoryColumn: 'intnet' } }),
    ),
    {
      reason: 'DatasetMalformed',
      message:
        'dataset.categoryColumn intnet: no example has this key; the first one has prompt, completion, intent',
    },
  )
})
