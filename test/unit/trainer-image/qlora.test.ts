import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { STAGES } from '../../../crds/stage.ts'
import type { Weights } from '../../../trainer-image/src/model/config.ts'
import { quantizationOf, roundedWeights } from '../../../trainer-image/src/model/quantization.ts'
import { readModelConfig } from '../../../trainer-image/src/model/read-config.ts'
import { loadTokenizer } from '../../../trainer-image/src/model/tokenizer.ts'
import { tunedWeights } from '../../../trainer-image/src/model/tuned-weights.ts'
import { readAdapter } from '../../../trainer-image/src/publish/peft-adapter.ts'
import { createGenerator } from '../../../trainer-image/src/session/generator.ts'
import { openWeights } from '../../../trainer-image/src/weights/open-weights.ts'
import { runStageProcess } from '../../fixtures/stage-process.ts'
import { writeTinyJob } from '../../fixtures/tiny-job.ts'

const folder = t.testdir({})
const tiny = await writeTinyJob(
  folder,
  spec => ({
    ...spec,
    method: { ...spec.method, type: 'QLoRA', quantization: { bits: 4, blockSize: 64 } },
    output: { ...spec.output, formats: ['Adapter', 'Merged'] },
  }),
  // coarse blocks and such a model, so that rounded weights give other answers
  { seed: 10 },
)
const run = join(tiny.output, 'run-1')
const modelFolder = join(folder, 'model')
const config = await readModelConfig(modelFolder)
const base = await openWeights(modelFolder)
t.teardown(() => base.close())
const rounded = roundedWeights(base, config, quantizationOf(tiny.job.spec.method))

t.before(async () => {
  for (const stage of STAGES) {
    const ended = await runStageProcess(stage, tiny)
    t.equal(ended.exitCode, 0, stage, { stderr: ended.stderr })
  }
})

t.test('training reads the linear layers from codes', async t => {
  const marker = await readFile(join(tiny.workspace, 'scratch/weights.json'), 'utf8')
  t.match(marker, /q_proj\.weight".{0,200}"bits":4,"blockSize":64/)
})

t.test('what is merged are the rounded weights with the adapter', async t => {
  const adapter = await readAdapter(join(run, 'adapter'))
  const merged = await openWeights(join(run, 'merged'))
  t.teardown(() => merged.close())
  const expected = tunedWeights(rounded, { type: 'Adapter', ...adapter })
  const other = tunedWeights(base, { type: 'Adapter', ...adapter })
  for (const name of merged.names)
    t.strictSame(await merged.read(name), await expected.read(name), name)
  const name = 'model.layers.0.self_attn.q_proj.weight'
  t.notSame(await merged.read(name), await other.read(name))
})

type Sample = { readonly prompt: string; readonly base: string; readonly tuned: string }

const answersOf = async (weights: Weights, prompts: readonly string[], model: 'base' | 'tuned') => {
  const adapter = await readAdapter(join(run, 'adapter'))
  const tokenizer = await loadTokenizer(modelFolder)
  const generator = await createGenerator({
    config: { ...config, eosTokenIds: [257] },
    weights,
    adapterConfig: adapter.config,
    adapter: adapter.tensors,
    scratchFolder: folder,
    threads: 1,
  })
  const { signal } = new AbortController()
  const questions = prompts.map(prompt =>
    tokenizer.encodeTemplate(`<|im_start|>user\n${prompt}<|im_end|>\n<|im_start|>assistant\n`),
  )
  const answers = await generator
    .generate(
      questions.map(tokens => Int32Array.from(tokens)),
      { model, maxNewTokens: 12, signal },
    )
    .finally(() => generator.close())
  return answers.map(answer => tokenizer.decode(answer, { skipControl: true }))
}

t.test('base and tuned answers are those of the rounded weights', async t => {
  const [key] = await readdir(join(tiny.workspace, 'evaluate'))
  const lines = await readFile(join(tiny.workspace, 'evaluate', key!, 'samples.jsonl'), 'utf8')
  const samples = lines
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Sample)
  const prompts = samples.map(({ prompt }) => prompt.replace(/^user: /, ''))
  for (const model of ['base', 'tuned'] as const)
    t.same(
      await answersOf(rounded, prompts, model),
      samples.map(sample => sample[model]),
      model,
    )
  t.notSame(
    await answersOf(base, prompts, 'base'),
    samples.map(sample => sample.base),
  )
})
