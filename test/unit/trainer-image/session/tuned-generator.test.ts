import { readdirSync } from 'node:fs'
import t from 'tap'
import type { AdapterConfig, Tensor } from '../../../../trainer-image/src/model/adapter.ts'
import { type Trained, tunedWeights } from '../../../../trainer-image/src/model/tuned-weights.ts'
import { createTunedGenerator } from '../../../../trainer-image/src/session/tuned-generator.ts'
import { type NaiveModel, naiveGenerate } from '../../../fixtures/naive-llama.ts'
import { configOf, runNamed } from '../../../fixtures/parity/recorded-run.ts'
import { asWeights, randomLlama } from '../../../fixtures/random-llama.ts'

const CONFIG = { ...configOf(runNamed('untied')), eosTokenIds: [7] }
const METHOD: AdapterConfig = { rank: 3, alpha: 6, targetModules: ['q_proj', 'up_proj'] }
const MAX_NEW_TOKENS = 6
const PROMPTS = [[5], [1, 2, 3], [9, 8, 44, 3, 21, 30, 11]].map(prompt => Int32Array.from(prompt))
const MODEL = randomLlama(CONFIG, METHOD)

/** The model with what was trained in the place of its weights. */
const mergedModel = async (trained: Trained): Promise<NaiveModel> => {
  const weights = tunedWeights(asWeights(MODEL), trained)
  const tensors = new Map(MODEL.tensors)
  for (const [name, matrix] of MODEL.tensors)
    tensors.set(name, { ...matrix, data: await weights.read(name) })
  return { ...MODEL, tensors, adapter: new Map() }
}

const shorter: [string, Tensor][] = [...MODEL.adapter].flatMap(([name, { shape }]) => {
  if (!name.endsWith('.lora_B.weight')) return []
  const data = new Float32Array(shape[0]!).map((_, i) => 0.2 + i / 40)
  return [[name.replace('lora_B.weight', 'lora_magnitude_vector'), { shape: [shape[0]!], data }]]
})
const norm: [string, Tensor] = [
  'base_model.model.model.norm.weight',
  { shape: [32], data: Float32Array.from({ length: 32 }, (_, i) => Math.sin(i)) },
]
const other = randomLlama(CONFIG, METHOD, 2)

const adapter = (config: AdapterConfig, ...more: readonly [string, Tensor][]): Trained => ({
  type: 'Adapter',
  config,
  tensors: new Map([...MODEL.adapter, ...more]),
})
const TRAINED: Readonly<Record<string, Trained>> = {
  'a plain adapter': adapter(METHOD),
  'rank-stabilized scaling': adapter({ ...METHOD, variant: 'RankStabilized' }),
  DoRA: adapter({ ...METHOD, variant: 'DoRA' }, ...shorter),
  'a module that was trained whole': adapter({ ...METHOD, modulesToSave: ['model.norm'] }, norm),
  'all weights': { type: 'Full', weights: asWeights(other) },
}

for (const [name, trained] of Object.entries(TRAINED))
  t.test(`base and tuned model answer as their weights say: ${name}`, async t => {
    const scratchFolder = t.testdir()
    const weights = asWeights(MODEL)
    const options = { config: CONFIG, weights, trained, scratchFolder, threads: 1 }
    const generator = await createTunedGenerator(options)
    const models = { base: { ...MODEL, adapter: new Map() }, tuned: await mergedModel(trained) }
    const expected = (model: NaiveModel) =>
      PROMPTS.map(prompt => naiveGenerate(model, prompt, false, MAX_NEW_TOKENS))
    t.notSame(expected(models.base), expected(models.tuned), 'they differ')
    for (const model of ['base', 'tuned', 'base'] as const) {
      const signal = new AbortController().signal
      const answers = await generator.generate(PROMPTS, {
        model,
        maxNewTokens: MAX_NEW_TOKENS,
        signal,
      })
      t.same(
        answers.map(answer => [...answer]),
        expected(models[model]),
        model,
      )
      t.equal(readdirSync(scratchFolder).length, 1, 'one model is open at a time')
    }
    await generator.close()
    t.same(readdirSync(scratchFolder), [])
  })
