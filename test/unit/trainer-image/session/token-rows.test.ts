import { join } from 'node:path'
import t from 'tap'
import type { ModelConfig, Weights } from '../../../../trainer-image/src/model/config.ts'
import { weightShapes } from '../../../../trainer-image/src/model/linear-layers.ts'
import { TokenRows } from '../../../../trainer-image/src/session/token-rows.ts'
import type { MicroBatch } from '../../../../trainer-image/src/session/training-engine.ts'
import { storeWeights } from '../../../../trainer-image/src/session/weights-file.ts'
import { SMOLLM2_135M } from '../../../bench/random-model.ts'

const CONFIG: ModelConfig = {
  ...SMOLLM2_135M,
  vocabSize: 5,
  hiddenSize: 4,
  intermediateSize: 4,
  layers: 1,
  heads: 1,
  kvHeads: [1],
  headDim: 4,
}
const [EMBEDDINGS, HEAD] = ['model.embed_tokens.weight', 'lm_head.weight']

/** Row r of the embedding table is r, of the head 100 + r. */
const numbered = (config: ModelConfig): Weights => {
  const shapes = new Map(weightShapes(config).map(({ name, shape }) => [name, shape]))
  return {
    names: [...shapes.keys()],
    shape: name => shapes.get(name)!,
    read: async name => {
      const size = shapes.get(name)!.reduce((a, b) => a * b, 1)
      const first = name === HEAD ? 100 : 0
      return Float32Array.from({ length: size }, (_, i) => first + Math.floor(i / 4))
    },
    close: async () => {},
  }
}

const batchOf = (tokens: readonly number[], targets: readonly number[]): MicroBatch => ({
  rows: 1,
  length: tokens.length,
  tokens: Int32Array.from(tokens),
  positions: Int32Array.from(tokens),
  segments: Int32Array.from(tokens),
  targetPositions: Int32Array.from(targets),
  targetTokens: Int32Array.from(targets),
})

const open = async (folder: string, tied: boolean, trained: readonly string[] = []) => {
  const config = { ...CONFIG, tieWordEmbeddings: tied }
  const weights = await storeWeights({ folder, config, weights: numbered(config) })
  const rows = new TokenRows({ folder, config, weights, trained: new Set(trained) })
  t.teardown(() => rows.close())
  return rows
}

const firsts = (rows: ArrayLike<unknown>) => Array.from(rows).filter((_, i) => i % 4 === 0)

t.test('tokens get the rows of the table, targets those of the head', async t => {
  for (const [tied, first] of [
    [true, 0],
    [false, 100],
  ] as const) {
    const feeds = (await open(t.testdir({}), tied)).feeds(batchOf([4, 0, 4], [3, 1]), true)
    t.same(Object.keys(feeds).toSorted(), ['target_weights', 'token_embeddings'])
    t.same(feeds['token_embeddings']!.dims, [3, 4])
    t.same(firsts(feeds['token_embeddings']!.data), [4, 0, 4])
    t.same(firsts(feeds['target_weights']!.data), [first + 3, first + 1])
  }
})

t.test('validation needs no rows of the head', async t => {
  const feeds = (await open(t.testdir({}), true)).feeds(batchOf([1], [2]), false)
  t.same(Object.keys(feeds), ['token_embeddings'])
})

t.test('a table that is trained is read by the graph itself', async t => {
  const rows = await open(t.testdir({ one: {} }), false, [EMBEDDINGS])
  const feeds = rows.feeds(batchOf([1, 2], [2]), true)
  t.same([...feeds['tokens']!.data], [1, 2])
  t.same(firsts(feeds['target_weights']!.data), [102])
  const both = await open(t.testdir({ two: {} }), true, [EMBEDDINGS])
  t.same(Object.keys(both.feeds(batchOf([1], [2]), true)), ['tokens'])
})

t.test('a token that the model does not have is an error', async t => {
  const rows = await open(t.testdir({}), true)
  t.throws(() => rows.feeds(batchOf([5], [1]), true), /token 5 is none of the model's 5/)
  t.throws(() => rows.feeds(batchOf([-1], [1]), true), /token -1/)
})

t.test('a longer batch after a shorter one, and a file that is gone', async t => {
  const rows = await open(t.testdir({}), true)
  rows.feeds(batchOf([1], [2]), true)
  t.same(firsts(rows.feeds(batchOf([1, 2, 3], [2]), true)['token_embeddings']!.data), [1, 2, 3])
  const folder = join(t.testdir({ none: {} }), 'none')
  const weights = await storeWeights({ folder, config: CONFIG, weights: numbered(CONFIG) })
  t.throws(
    () => new TokenRows({ folder: `${folder}-gone`, config: CONFIG, weights, trained: new Set() }),
    /ENOENT/,
  )
})
