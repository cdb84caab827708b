import t from 'tap'
import type { Tensor } from '../../../../trainer-image/src/model/adapter.ts'
import type { Weights } from '../../../../trainer-image/src/model/config.ts'
import { type Trained, tunedWeights } from '../../../../trainer-image/src/model/tuned-weights.ts'

const tensor = (shape: readonly number[], ...data: number[]): Tensor => ({
  shape,
  data: Float32Array.from(data),
})

const weightsOf = (tensors: Readonly<Record<string, Tensor>>): Weights => ({
  names: Object.keys(tensors),
  shape: name => tensors[name]!.shape,
  read: async name => tensors[name]!.data.slice(),
  close: async () => {},
})

const PATH = 'model.layers.0.mlp.up_proj'
const BASE = {
  [`${PATH}.weight`]: tensor([2, 3], 3, 0, 4, 0, 5, 0),
  'model.norm.weight': tensor([3], 1, 2, 3),
}
/** B·A is 1 1 0 / 0 0 0 times 2, plus 0 0 0 / 0 1 1 times 3 */
const A = tensor([2, 3], 1, 1, 0, 0, 1, 1)
const B = tensor([2, 2], 2, 0, 0, 3)

const adapter = (
  variant: 'Standard' | 'RankStabilized' | 'DoRA',
  more: Readonly<Record<string, Tensor>> = {},
): Trained => ({
  type: 'Adapter',
  config: { rank: 2, alpha: 4, targetModules: ['up_proj'], variant },
  tensors: new Map(
    Object.entries({
      [`base_model.model.${PATH}.lora_A.weight`]: A,
      [`base_model.model.${PATH}.lora_B.weight`]: B,
      ...more,
    }),
  ),
})

const read = async (trained: Trained, name = `${PATH}.weight`) => [
  ...(await tunedWeights(weightsOf(BASE), trained).read(name)),
]

t.test('W + alpha/r B A for LoRA', async t => {
  t.same(await read(adapter('Standard')), [7, 4, 4, 0, 11, 6])
  t.same(await read(adapter('Standard'), 'model.norm.weight'), [1, 2, 3], 'others are the base’s')
})

t.test('W + alpha/√r B A with rank-stabilized scaling', async t => {
  const s = 4 / Math.sqrt(2)
  const expected = [3 + 2 * s, 2 * s, 4, 0, 5 + 3 * s, 3 * s]
  const off = (await read(adapter('RankStabilized'))).map((x, i) => Math.abs(x - expected[i]!))
  t.ok(Math.max(...off) < 1e-6, `off by ${off}`)
})

t.test('rows get the lengths that DoRA has learned', async t => {
  const lengths = { [`base_model.model.${PATH}.lora_magnitude_vector`]: tensor([2], 18, 1) }
  const w = await read(adapter('DoRA', lengths))
  const length = (row: number) => Math.hypot(...w.slice(row * 3, row * 3 + 3))
  t.ok(Math.abs(length(0) - 18) < 1e-5)
  t.ok(Math.abs(length(1) - 1) < 1e-6)
  t.same(w.slice(0, 3), [14, 8, 8], 'in the direction of W + s B A')
})

t.test('a module that was saved whole takes the base’s place', async t => {
  const saved = { 'base_model.model.model.norm.weight': tensor([3], 9, 8, 7) }
  t.same(await read(adapter('Standard', saved), 'model.norm.weight'), [9, 8, 7])
})

t.test('a full model’s tensors take the base’s places', async t => {
  const weights = weightsOf({ 'model.norm.weight': tensor([3], 4, 5, 6) })
  t.same(await read({ type: 'Full', weights }, 'model.norm.weight'), [4, 5, 6])
  t.same(await read({ type: 'Full', weights }), [3, 0, 4, 0, 5, 0])
})

t.test('an adapter of another model is refused', async t => {
  const other = { [`base_model.model.${PATH}.lora_A.weight`]: tensor([2, 2], 1, 1, 1, 1) }
  await t.rejects(read(adapter('Standard', other)), /do not belong together/)
})
