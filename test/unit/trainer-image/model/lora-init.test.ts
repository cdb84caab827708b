import t from 'tap'
import { weightShapes } from '../../../../trainer-image/src/model/linear-layers.ts'
import { parameterCount, parameterSlots } from '../../../../trainer-image/src/model/trainable.ts'
import { initialAdapter } from '../../../../trainer-image/src/model/lora-init.ts'
import { philox } from '../../../../trainer-image/src/model/random.ts'
import { ALL_LINEAR, SMOLLM2_135M } from '../../../bench/random-model.ts'

const config = { ...SMOLLM2_135M, layers: 2, kvHeads: [3, 1] }
const adapter = (rank: number, targetModules: readonly string[] = ALL_LINEAR) => ({
  rank,
  alpha: 16,
  targetModules,
})
const Q = 'base_model.model.model.layers.0.self_attn.q_proj'

t.test('Philox 4x32-10 gives the known answers of its authors', t => {
  const hex = (words: readonly number[]) => words.map(word => word.toString(16).padStart(8, '0'))
  t.same(hex(philox([0, 0, 0, 0], [0, 0])), ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8'])
  const ones = 0xffffffff
  t.same(hex(philox([ones, ones, ones, ones], [ones, ones])), [
    '408f276d',
    '41c83b0e',
    'a20bc7c6',
    '6d5451fd',
  ])
  const pi = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344] as const
  t.same(hex(philox(pi, [0xa4093822, 0x299f31d0])), [
    'd16cfe09',
    '94fdcceb',
    '5001e420',
    '24126ea1',
  ])
  t.end()
})

t.test('A is uniform within one over the root of its inputs, B is zero', t => {
  const tensors = initialAdapter(config, adapter(8), 1)
  const a = tensors.get(`${Q}.lora_A.weight`)!
  const bound = 1 / Math.sqrt(576)
  t.same(a.shape, [8, 576])
  t.ok(a.data.every(x => Math.abs(x) <= bound))
  const mean = a.data.reduce((sum, x) => sum + x, 0) / a.data.length
  const variance = a.data.reduce((sum, x) => sum + x * x, 0) / a.data.length
  t.ok(Math.abs(mean) < bound / 20)
  t.ok(Math.abs(variance / (bound ** 2 / 3) - 1) < 0.05)
  t.ok(tensors.get(`${Q}.lora_B.weight`)!.data.every(x => x === 0))
  t.end()
})

t.test('values depend on seed and name alone', t => {
  const a = (rank: number, seed: number, modules?: readonly string[]) =>
    initialAdapter(config, adapter(rank, modules), seed).get(`${Q}.lora_A.weight`)!.data
  t.same(a(8, 1), a(8, 1, ['q_proj']))
  t.same(a(8, 1), a(16, 1).subarray(0, 8 * 576))
  t.notSame(a(8, 1), a(8, 2))
  const tensors = initialAdapter(config, adapter(8), 1)
  const other = tensors.get(Q.replace('q_proj', 'k_proj').concat('.lora_A.weight'))!.data
  t.notSame(a(8, 1), other)
  t.end()
})

t.test('parameters of SmolLM2-135M', t => {
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
  const total = weightShapes(SMOLLM2_135M).reduce((sum, { shape }) => sum + size(shape), 0)
  t.equal(total, 134_515_008)
  const trainable = (modules: readonly string[]) =>
    parameterCount(parameterSlots(SMOLLM2_135M, adapter(8, modules)))
  t.equal(trainable(ALL_LINEAR), 2_442_240)
  t.equal(trainable(['q_proj', 'v_proj']), 460_800)
  t.end()
})

t.test('slots lie one behind the other, last layer first', t => {
  const slots = parameterSlots(config, adapter(2))
  t.match(slots[0]?.name, /layers\.1\.mlp\.down_proj\.lora_A/)
  t.match(slots.at(-1)?.name, /layers\.0\.self_attn\.q_proj\.lora_B/)
  slots.reduce((end, { offset, size }) => {
    t.equal(offset, end)
    return offset + size
  }, 0)
  const kv = slots.find(({ name }) => name.includes('layers.1.self_attn.k_proj.lora_B'))
  t.same(kv?.shape, [64, 2])
  t.end()
})
