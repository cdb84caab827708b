import { isFull, type TuningMethod } from '@attune/trainer/model/adapter.ts'
import { weightShapes } from '@attune/trainer/model/linear-layers.ts'
import { parameterCount, parameterSlots } from '@attune/trainer/model/trainable.ts'
import { peakBytes } from '@attune/trainer/plan/peak-bytes.ts'
import { type ModelProgram, trainProgram } from '@attune/trainer/session/programs.ts'
import { parameterFeeds, sumsInPlace } from '@attune/trainer/session/trained-feeds.ts'
import { isAdded } from '@attune/trainer/session/trained-values.ts'
import { layOut } from '@attune/trainer/session/weights-file.ts'
import t from 'tap'
import { modelOf } from '../../../bench/models.ts'
import { ALL_LINEAR } from '../../../bench/random-model.ts'

const LAYERS = 8
/** a block of the output head, and a piece of another */
const BLOCK = 2048
const VOCABULARY = BLOCK + 50
const [ROWS, LENGTH] = [2, 256]
const LORA = { rank: 8, alpha: 16, targetModules: ALL_LINEAR }
const NORMS = ['input_layernorm', 'post_attention_layernorm', 'norm']

const configOf = (layers: number, isTied = true) => ({
  ...modelOf('smollm2-135m', layers),
  vocabSize: VOCABULARY,
  tieWordEmbeddings: isTied,
})

type Options = Pick<ModelProgram, 'method'> & Partial<Pick<ModelProgram, 'recompute' | 'half'>>

const programOf = (
  { method, recompute = false, half }: Options,
  layers = LAYERS,
  isTied = true,
) => {
  const config = configOf(layers, isTied)
  const weights = isFull(method) ? [] : layOut(config, undefined, half)
  const precision = half ? { half } : {}
  return { config, method, weights, rows: ROWS, length: LENGTH, recompute, ...precision }
}

const valuesOf = (options: Options, layers?: number, isTied?: boolean): number => {
  const sizes = (name: string) => (name === 'N' ? ROWS * LENGTH : LENGTH)
  return peakBytes(trainProgram(programOf(options, layers, isTied)), sizes, isAdded)
}

/** Bytes that another layer adds to what a step holds. */
const layerBytes = (options: Options) =>
  (valuesOf(options) - valuesOf(options, LAYERS / 2)) / (LAYERS / 2)

/** DoRA also keeps what each layer gives before it is multiplied by the magnitude. */
const DORA = 1.5
const METHODS: Readonly<Record<string, readonly [method: TuningMethod, most: number]>> = {
  Full: [{ type: 'Full' }, 1.1],
  embeddings: [{ ...LORA, modulesToSave: ['embed_tokens'] }, 1.1],
  norms: [{ ...LORA, modulesToSave: NORMS }, 1.1],
  'embeddings and norms': [{ ...LORA, modulesToSave: ['embed_tokens', ...NORMS] }, 1.1],
  DoRA: [{ ...LORA, variant: 'DoRA' }, DORA],
}

t.test('what a gradient is made of is gone when the backward pass has come by', t => {
  for (const how of [{}, { recompute: true }, { half: 'float16' }] as const) {
    const adapter = layerBytes({ method: LORA, ...how })
    for (const [name, [method, most]] of Object.entries(METHODS)) {
      const ratio = layerBytes({ method, ...how }) / adapter
      const what = `${name} ${JSON.stringify(how)}`
      t.ok(
        ratio < most,
        `${what}: a layer adds ${ratio.toFixed(3)} times what it adds of an adapter`,
      )
    }
  }
  t.end()
})

t.test('of the output head no more is held than its gradient, twice', t => {
  const { hiddenSize } = configOf(LAYERS)
  const head = 4 * VOCABULARY * hiddenSize
  for (const isTied of [true, false]) {
    const more =
      valuesOf({ method: { ...LORA, modulesToSave: ['lm_head'] } }, LAYERS, isTied) -
      valuesOf({ method: LORA }, LAYERS, isTied)
    t.ok(
      more <= 2 * head,
      `${isTied ? 'tied' : 'untied'}: ${(more / head).toFixed(2)} times its size`,
    )
  }
  t.end()
})

t.test('adapters are read where they lie, and not copied', t => {
  const parametersOf = (rank: number) =>
    weightShapes(configOf(LAYERS))
      .filter(({ name }) => /_proj/.test(name))
      .reduce((sum, { shape: [out = 0, inputs = 0] }) => sum + rank * (out + inputs), 0)
  const [small, large] = [8, 64]
  const added =
    valuesOf({ method: { ...LORA, rank: large } }) - valuesOf({ method: { ...LORA, rank: small } })
  const copies = 4 * (parametersOf(large) - parametersOf(small))
  t.ok(added < copies, `${added} bytes more at rank ${large}; a copy of all would be ${copies}`)
  t.end()
})

t.test('each trained input is fed from its place in the vector of all', t => {
  const methods = [LORA, { type: 'Full' }, { ...LORA, modulesToSave: ['lm_head', 'norm'] }] as const
  for (const method of methods)
    for (const isTied of [true, false]) {
      const program = programOf({ method }, 2, isTied)
      const slots = parameterSlots(program.config, method)
      const vector = () => new Float32Array(parameterCount(slots))
      const [parameters, sums] = [vector(), vector()]
      const { feeds, into } = sumsInPlace(slots, sums)
      const given = {
        ...parameterFeeds(program.config, slots, parameters, ROWS * LENGTH),
        ...feeds,
      }
      const { inputs, outputs } = trainProgram(program)
      const asked = inputs.filter(({ name }) => /^(trained|gradient_sums)\./.test(name))
      const shapes = (values: readonly { readonly name: string; readonly shape: unknown }[]) =>
        Object.fromEntries(values.map(({ name, shape }) => [name, shape]))
      const dims = (tensors: typeof given) =>
        Object.fromEntries(Object.entries(tensors).map(([name, { dims }]) => [name, dims]))
      // a tied head's rows are looked up elsewhere, so that its blocks are more than the graph asks for
      t.match(dims(given), shapes(asked), 'inputs')
      t.strictSame(dims(into), shapes(outputs.filter(({ name }) => isAdded(name))), 'outputs')
      const isThere = Object.entries(given).every(
        ([name, { data }]) =>
          (data as Float32Array).buffer === (name in feeds ? sums : parameters).buffer,
      )
      t.ok(isThere, 'looks at the vector')
      if (isFull(method) && !isTied) {
        const whole = given['trained.lm_head.weight']!.data as Float32Array
        const block = given[`trained.lm_head.weight.${BLOCK}`]!.data as Float32Array
        t.equal(block.byteOffset - whole.byteOffset, 4 * BLOCK * program.config.hiddenSize)
      }
    }
  t.end()
})
