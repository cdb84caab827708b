import type { TuningMethod } from '@attune/trainer/model/adapter.ts'
import { weightShapes } from '@attune/trainer/model/linear-layers.ts'
import { peakBytes } from '@attune/trainer/plan/peak-bytes.ts'
import { trainProgram } from '@attune/trainer/session/programs.ts'
import { layOut } from '@attune/trainer/session/weights-file.ts'
import t from 'tap'
import { ALL_LINEAR, SMOLLM2_135M } from '../../../bench/random-model.ts'

const LAYERS = 8
const CONFIG = {
  ...SMOLLM2_135M,
  vocabSize: 512,
  layers: LAYERS,
  kvHeads: new Array(LAYERS).fill(3),
}
const [ROWS, LENGTH] = [2, 256]
const LORA = { rank: 8, alpha: 16, targetModules: ALL_LINEAR }

const valuesOf = (method: TuningMethod, layers = LAYERS): number => {
  const config = { ...CONFIG, layers, kvHeads: CONFIG.kvHeads.slice(0, layers) }
  const weights = 'type' in method ? [] : layOut(config, undefined)
  const program = { config, method, weights, rows: ROWS, length: LENGTH, recompute: false }
  const sizes = (name: string) => (name === 'N' ? ROWS * LENGTH : LENGTH)
  return peakBytes(trainProgram(program), sizes, output => output.startsWith('gradient_sums'))
}

/** Bytes that another layer adds to what a step holds. */
const layerBytes = (method: TuningMethod) =>
  (valuesOf(method) - valuesOf(method, LAYERS / 2)) / (LAYERS / 2)

t.test('what a gradient is made of is gone when the backward pass has come by', async t => {
  const adapter = layerBytes(LORA)
  const norms = ['input_layernorm', 'post_attention_layernorm']
  const methods: Readonly<Record<string, TuningMethod>> = {
    Full: { type: 'Full' },
    embeddings: { ...LORA, modulesToSave: ['embed_tokens'] },
    norms: { ...LORA, modulesToSave: [...norms, 'norm'] },
    all: { ...LORA, modulesToSave: ['embed_tokens', ...norms, 'norm'] },
  }
  for (const [name, method] of Object.entries(methods)) {
    const ratio = layerBytes(method) / adapter
    t.ok(ratio < 1.05, `${name}: a layer adds ${ratio.toFixed(3)} times what it adds of an adapter`)
  }
})

t.test('adapters are read where they lie, and not copied', async t => {
  const parametersOf = (rank: number) =>
    weightShapes(CONFIG)
      .filter(({ name }) => /_proj/.test(name))
      .reduce((sum, { shape: [out = 0, inputs = 0] }) => sum + rank * (out + inputs), 0)
  const [small, large] = [8, 64]
  const added = valuesOf({ ...LORA, rank: large }) - valuesOf({ ...LORA, rank: small })
  const copies = 4 * (parametersOf(large) - parametersOf(small))
  t.ok(added < copies, `${added} bytes more at rank ${large}; a copy of all would be ${copies}`)
})
