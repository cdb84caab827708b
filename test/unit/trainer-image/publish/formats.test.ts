import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import t from 'tap'
import type { Artifact } from '../../../../crds/stage.ts'
import { STAGES } from '../../../../crds/stage.ts'
import { readModelConfig } from '../../../../trainer-image/src/model/read-config.ts'
import { loadTokenizer } from '../../../../trainer-image/src/model/tokenizer.ts'
import { readTokenizerFiles } from '../../../../trainer-image/src/model/tokenizer-files.ts'
import { tunedWeights } from '../../../../trainer-image/src/model/tuned-weights.ts'
import { onnxModel } from '../../../../trainer-image/src/publish/onnx/onnx-model.ts'
import { readAdapter } from '../../../../trainer-image/src/publish/peft-adapter.ts'
import { createGenerator } from '../../../../trainer-image/src/session/generator.ts'
import { openWeights } from '../../../../trainer-image/src/weights/open-weights.ts'
import { runStageProcess } from '../../../fixtures/stage-process.ts'
import { writeTinyJob } from '../../../fixtures/tiny-job.ts'

const folder = t.testdir({})
const tiny = await writeTinyJob(folder, spec => ({
  ...spec,
  output: { ...spec.output, formats: ['GGUF', 'ONNX', 'Merged', 'Adapter'] },
}))
const run = join(tiny.output, 'run-1')
const base = join(folder, 'model')

const QUESTION = 'make the kitchen red'
const EXAMPLE = resolve('examples/onnx-generate/generate.js')
const tokenizer = await loadTokenizer(base)
const prompt = Int32Array.from(
  tokenizer.encodeTemplate(`<|im_start|>user\n${QUESTION}<|im_end|>\n<|im_start|>assistant\n`),
)

/** Logits of the prompt, by the graph that is published. */
const logitsOf = async (modelFolder: string, adapted: boolean, out: string) => {
  const stored = await openWeights(modelFolder)
  const weights = adapted
    ? tunedWeights(stored, { type: 'Adapter', ...(await readAdapter(join(run, 'adapter'))) })
    : stored
  const config = await readModelConfig(modelFolder)
  const files = await readTokenizerFiles(modelFolder)
  const model = {
    modelFolder,
    weights,
    config,
    tokenizer: files,
    chatTemplate: '',
    eosTokenIds: [],
  }
  await mkdir(out)
  await (await onnxModel(model)).write(out)
  await stored.close()
  return onnxLogits(out)
}

const onnxLogits = async (onnx: string) => {
  const session = await InferenceSession.create(join(onnx, 'model.onnx'), { intraOpNumThreads: 1 })
  const int64 = (values: ArrayLike<number>) =>
    new Tensor('int64', BigInt64Array.from(Array.from(values, BigInt)), [1, values.length])
  const cache = Object.fromEntries(
    session.inputNames
      .filter(name => name.startsWith('past'))
      .map(name => [name, new Tensor('float32', new Float32Array(), [1, 2, 0, 16])]),
  )
  const mask = new Array<number>(prompt.length).fill(1)
  const feeds = { input_ids: int64(prompt), attention_mask: int64(mask), ...cache }
  const { logits } = await session.run(feeds)
  t.same(logits!.dims, [1, prompt.length, 259])
  return logits!.data as Float32Array
}

const generated = async (model: 'base' | 'tuned', modelFolder: string) => {
  const adapter = await readAdapter(join(run, 'adapter'))
  const weights = await openWeights(modelFolder)
  const config = { ...(await readModelConfig(modelFolder)), eosTokenIds: [257] }
  const generator = await createGenerator({
    config,
    weights,
    adapterConfig: adapter.config,
    adapter: adapter.tensors,
    scratchFolder: folder,
    threads: 1,
  })
  try {
    const { signal } = new AbortController()
    const [answer] = await generator.generate([prompt], { model, maxNewTokens: 100, signal })
    return tokenizer.decode(answer!)
  } finally {
    await generator.close()
    await weights.close()
  }
}

t.before(async () => {
  for (const stage of STAGES) {
    const ended = await runStageProcess(stage, tiny)
    t.equal(ended.exitCode, 0, stage, { stderr: ended.stderr })
    if (stage === 'publish') artifacts.push(...(ended.result?.artifacts ?? []))
  }
})
const artifacts: Artifact[] = []

t.test('each format has its folder, its digest and its size in the result', async t => {
  t.same(
    artifacts.map(({ format, uri }) => [format, uri]),
    ['Adapter', 'Merged', 'ONNX', 'GGUF'].map(format => [
      format,
      `file://${run}/${format.toLowerCase()}`,
    ]),
  )
  const digests = JSON.parse(await readFile(join(run, 'digests.json'), 'utf8'))
  const gguf = digests['gguf/model-f16.gguf']
  t.match(artifacts[3], { digest: `sha256:${gguf.sha256}`, bytes: gguf.bytes })
  const merged = digests['merged/model.safetensors']
  t.match(artifacts[1], { digest: `sha256:${merged.sha256}`, bytes: merged.bytes })
  t.match(artifacts[2]?.digest, /^sha256:[0-9a-f]{64}$/)
})

t.test('the merged model and the decoder have the tuned logits', async t => {
  const tuned = await logitsOf(base, true, join(folder, 'tuned'))
  t.same(await onnxLogits(join(run, 'onnx')), tuned, 'ONNX')
  t.same(await logitsOf(join(run, 'merged'), false, join(folder, 'again')), tuned, 'Merged')
  const plain = await logitsOf(base, false, join(folder, 'plain'))
  const distance = (a: Float32Array) =>
    Math.max(...a.map((value, i) => Math.abs(value - tuned[i]!)))
  t.ok(distance(plain) > 0.1, 'tuning has moved them')
  const gguf = await logitsOf(join(run, 'gguf'), false, join(folder, 'halves'))
  // float16 keeps 11 bits of each weight
  t.ok(distance(gguf) < 0.01, `GGUF: ${distance(gguf)}`)
})

t.test('merged model and example give the text that the tuned session gives', async t => {
  const tuned = await generated('tuned', base)
  t.not(tuned, await generated('base', base), 'tuning has changed the answer')
  t.equal(await generated('base', join(run, 'merged')), tuned)
  const { stdout } = await promisify(execFile)(process.execPath, [EXAMPLE, QUESTION], {
    cwd: join(run, 'onnx'),
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  })
  t.equal(stdout, `${tuned}\n`)
})

t.test('the example has the 20 lines that it is said to have', async t => {
  const [use, ...lines] = (await readFile(EXAMPLE, 'utf8')).trimEnd().split('\n')
  t.match(use, /^\/\/ /)
  t.equal(lines.length, 20)
})

t.test('the folders hold what their readers look for', async t => {
  t.same((await readdir(join(run, 'merged'))).toSorted(), [
    'README.md',
    'chat_template.jinja',
    'config.json',
    'generation_config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ])
  const genai = JSON.parse(await readFile(join(run, 'onnx/genai_config.json'), 'utf8'))
  t.match(genai.model, {
    type: 'llama',
    eos_token_id: [257],
    pad_token_id: 258,
    decoder: { head_size: 16, num_key_value_heads: 2, num_hidden_layers: 2 },
  })
})
