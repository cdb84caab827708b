import t from 'tap'
import type { AdapterConfig } from '../../../../trainer-image/src/model/adapter.ts'
import type { ModelConfig } from '../../../../trainer-image/src/model/config.ts'
import {
  checkMethod,
  parameterCount,
  parameterSlots,
} from '../../../../trainer-image/src/model/trainable.ts'

const CONFIG: ModelConfig = {
  architecture: 'llama',
  vocabSize: 50,
  hiddenSize: 8,
  intermediateSize: 12,
  layers: 2,
  heads: 2,
  kvHeads: [1, 1],
  headDim: 4,
  rmsNormEpsilon: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 64,
  tieWordEmbeddings: true,
  eosTokenIds: [0],
}
const UNTIED = { ...CONFIG, tieWordEmbeddings: false }
const lora = (more: Partial<AdapterConfig> = {}): AdapterConfig => ({
  rank: 2,
  alpha: 4,
  targetModules: ['all-linear'],
  ...more,
})
const namesOf = (config: ModelConfig, method: AdapterConfig) =>
  parameterSlots(config, method).map(({ name }) => name.replace('base_model.model.', ''))

t.test('slots lie one behind the other, without gaps', t => {
  for (const method of [
    lora({ variant: 'DoRA', modulesToSave: ['norm'] }),
    { type: 'Full' } as const,
  ]) {
    const slots = parameterSlots(UNTIED, method)
    let next = 0
    for (const { offset, size, shape } of slots) {
      t.equal(offset, next)
      t.equal(
        size,
        shape.reduce((a, b) => a * b, 1),
      )
      next += size
    }
    t.equal(parameterCount(slots), next)
  }
  t.end()
})

t.test('targets choose the layers', t => {
  const at = (layer: number, name: string) => `model.layers.${layer}.self_attn.${name}.weight`
  t.same(namesOf(CONFIG, lora({ targetModules: ['layers.{1-9}.self_attn.q_proj'] })), [
    at(1, 'q_proj.lora_A'),
    at(1, 'q_proj.lora_B'),
  ])
  t.equal(namesOf(CONFIG, lora()).length, 2 * 7 * 2)
  t.end()
})

t.test('DoRA learns a length for each row', t => {
  const slots = parameterSlots(CONFIG, lora({ targetModules: ['up_proj'], variant: 'DoRA' }))
  const [magnitude] = slots.filter(({ name }) =>
    name.endsWith('.mlp.up_proj.lora_magnitude_vector'),
  )
  t.same(magnitude?.shape, [12])
  t.equal(slots.length, 6)
  t.end()
})

t.test('LoRA+ raises the rate of all but A', t => {
  const slots = parameterSlots(CONFIG, lora({ variant: 'DoRA', bLearningRateRatio: 16 }))
  for (const { name, rateFactor } of slots)
    t.equal(rateFactor, name.includes('.lora_A.') ? 1 : 16, name)
  t.end()
})

t.test('modules to save come whole, behind the adapter', t => {
  const saved = (config: ModelConfig, ...modulesToSave: string[]) =>
    parameterSlots(config, lora({ modulesToSave })).flatMap(({ weight }) => weight ?? [])
  t.same(saved(UNTIED, 'embed_tokens', 'lm_head'), ['model.embed_tokens.weight', 'lm_head.weight'])
  t.same(saved(CONFIG, 'lm_head'), ['model.embed_tokens.weight'], 'a tied head is the embedding')
  t.same(saved(CONFIG, 'model.norm'), ['model.norm.weight'])
  t.same(saved(CONFIG, 'layers.0.*'), [
    'model.layers.0.input_layernorm.weight',
    'model.layers.0.post_attention_layernorm.weight',
  ])
  t.end()
})

t.test('all weights are trained, and only matrices decay', t => {
  const slots = parameterSlots({ ...UNTIED, biases: ['q_proj'] }, { type: 'Full' })
  t.ok(slots.every(({ name, weight }) => name === weight))
  t.ok(slots.some(({ name }) => name === 'model.layers.0.self_attn.q_proj.bias'))
  for (const { name, decays } of slots) t.equal(decays, !/norm|bias/.test(name), name)
  t.end()
})

t.test('what means nothing in the model is refused', t => {
  checkMethod(CONFIG, lora({ targetModules: ['q_proj', 'layers.1.*.*'], modulesToSave: ['norm'] }))
  checkMethod(CONFIG, { type: 'Full' })
  t.throws(() => checkMethod(CONFIG, lora({ targetModules: ['q_proj', 'layers.2.*.*'] })), {
    reason: 'InvalidSpec',
    message: /"layers\.2\.\*\.\*" is none of .* q_proj, .* in layers 0 to 1/,
  })
  t.throws(() => checkMethod(CONFIG, lora({ modulesToSave: ['q_proj'] })), {
    reason: 'InvalidSpec',
    message: /modulesToSave: "q_proj" is none/,
  })
  t.end()
})
