import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ModelConfig } from '../../../../trainer-image/src/model/config.ts'
import { createGenerator } from '../../../../trainer-image/src/session/generator.ts'
import { StageStopped } from '../../../../trainer-image/src/stage-error.ts'
import { naiveGenerate } from '../../../fixtures/naive-llama.ts'
import { asWeights, randomLlama } from '../../../fixtures/random-llama.ts'

const MAX_NEW_TOKENS = 10
const never = new AbortController().signal

const aConfig = (change: Partial<ModelConfig> = {}): ModelConfig => ({
  architecture: 'llama',
  vocabSize: 50,
  hiddenSize: 24,
  intermediateSize: 20,
  layers: 2,
  heads: 4,
  kvHeads: [1, 2],
  headDim: 16,
  rmsNormEpsilon: 1e-5,
  ropeTheta: 10000,
  maxPositions: 64,
  tieWordEmbeddings: true,
  eosTokenIds: [7],
  ...change,
})

const prompts = [[5], [1, 2, 3], [9, 8, 44, 3, 21, 30, 11], [40, 2], [6, 6, 6, 6, 6]].map(prompt =>
  Int32Array.from(prompt),
)

const open = async (t: Test, config = aConfig(), targetModules = ['q_proj', 'up_proj']) => {
  const model = randomLlama(config, { rank: 3, alpha: 6, targetModules })
  const scratchFolder = t.testdir()
  const generator = await createGenerator({
    ...model,
    weights: asWeights(model),
    scratchFolder,
    threads: 1,
  })
  t.teardown(generator.close)
  return { model, generator, scratchFolder }
}

const CASES: Readonly<Record<string, readonly [ModelConfig, string[]]>> = {
  'KV heads that differ by layer, tied embeddings': [aConfig(), ['q_proj', 'up_proj']],
  'an output head of its own, all layers adapted': [
    aConfig({ tieWordEmbeddings: false, kvHeads: [4, 4] }),
    ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
  ],
  'only the values adapted': [aConfig({ kvHeads: [2, 1] }), ['v_proj']],
}
for (const [name, [config, targets]] of Object.entries(CASES)) {
  t.test(`equals the argmax of full forward passes: ${name}`, async t => {
    const { model, generator } = await open(t, config, targets)
    const expected = [false, true].map(tuned =>
      prompts.map(prompt => naiveGenerate(model, prompt, tuned, MAX_NEW_TOKENS)),
    )
    t.notSame(expected[0], expected[1], 'the adapter changes answers')
    for (const [index, kind] of (['base', 'tuned'] as const).entries()) {
      for (const batchSize of [1, 2, 5]) {
        const answers = await generator.generate(prompts, {
          model: kind,
          maxNewTokens: MAX_NEW_TOKENS,
          batchSize,
          signal: never,
        })
        t.same(
          answers.map(answer => [...answer]),
          expected[index],
          `${kind}, ${batchSize} at once`,
        )
      }
    }
  })
}

t.test('tells of each answer before all are there', async t => {
  const { generator } = await open(t)
  const told = new Map<number, readonly number[]>()
  const answers = await generator.generate(prompts, {
    ...{ model: 'tuned', maxNewTokens: MAX_NEW_TOKENS, batchSize: 2, signal: never },
    onAnswer: (prompt, tokens) => void told.set(prompt, [...tokens]),
  })
  t.strictSame(
    prompts.map((_, index) => told.get(index)),
    answers.map(answer => [...answer]),
  )
  const refused = generator.generate(prompts, {
    ...{ model: 'base', maxNewTokens: MAX_NEW_TOKENS, signal: never },
    onAnswer: () => {
      throw new Error('no such text')
    },
  })
  await t.rejects(refused, /no such text/, 'what it throws ends the call')
})

t.test('a cache too small for the batch makes the batch smaller, not the answers', async t => {
  const { generator } = await open(t)
  const options = { model: 'tuned', maxNewTokens: MAX_NEW_TOKENS, signal: never } as const
  t.same(
    await generator.generate(prompts, { ...options, cacheBytes: 1 }),
    await generator.generate(prompts, options),
  )
})

t.test('stops when aborted, and can be used again', async t => {
  const { generator } = await open(t, aConfig({ eosTokenIds: [] }))
  const controller = new AbortController()
  const options = { model: 'base', maxNewTokens: 50 } as const
  const stopped = generator.generate(prompts, {
    ...options,
    batchSize: 1,
    signal: controller.signal,
    onProgress: ({ tokens }) => tokens > 3 && controller.abort(),
  })
  await t.rejects(stopped, StageStopped)
  await t.rejects(
    generator.generate(prompts, { ...options, signal: controller.signal }),
    StageStopped,
  )
  const answers = await generator.generate(prompts, { ...options, signal: never })
  t.equal(answers.length, prompts.length)
})

t.test('refuses prompts that the model cannot take', async t => {
  const { generator } = await open(t)
  const options = { model: 'base', maxNewTokens: 1, signal: never } as const
  for (const prompt of [new Int32Array(0), new Int32Array(65)])
    await t.rejects(generator.generate([prompt], options), /prompt 0 has (0|65) tokens/)
  t.same(await generator.generate([], options), [])
})

t.test('an answer ends where the model has no more positions', async t => {
  const { generator } = await open(t, aConfig({ eosTokenIds: [] }))
  const [answer] = await generator.generate([new Int32Array(62).fill(4)], {
    model: 'base',
    maxNewTokens: 10,
    signal: never,
  })
  t.equal(answer?.length, 3)
})

t.test('leaves nothing in the scratch folder', async t => {
  const { generator, scratchFolder } = await open(t)
  const [folder = ''] = await readdir(scratchFolder)
  t.ok((await readdir(join(scratchFolder, folder))).length > 0)
  await generator.close()
  t.same(await readdir(scratchFolder), [])
})

t.test('two in one scratch folder do not touch each other’s files', async t => {
  const model = randomLlama(aConfig(), { rank: 3, alpha: 6, targetModules: ['q_proj'] })
  const scratchFolder = t.testdir()
  const options = { ...model, weights: asWeights(model), scratchFolder, threads: 1 }
  const [first, second] = await Promise.all([createGenerator(options), createGenerator(options)])
  t.equal((await readdir(scratchFolder)).length, 2)
  await first.close()
  const [left = ''] = await readdir(scratchFolder)
  t.strictSame((await readdir(join(scratchFolder, left))).toSorted(), [
    'generator-weights.bin',
    'generator.onnx',
  ])
  const request = { model: 'base', maxNewTokens: 2, signal: never } as const
  t.equal((await second.generate(prompts, request)).length, prompts.length)
  await second.close()
  t.same(await readdir(scratchFolder), [])
})

t.test('weights that are not of the shape that the config says are refused', async t => {
  const model = randomLlama(aConfig(), { rank: 2, alpha: 2, targetModules: [] })
  const weights = { ...asWeights(model), shape: () => [1, 2, 3] }
  await t.rejects(
    createGenerator({ ...model, weights, scratchFolder: t.testdir(), threads: 1 }),
    /model.embed_tokens.weight has shape \[1,2,3\], the model's config wants \[50,24\]/,
  )
})
