/**
 * Attention over a key-value cache by ONNX Runtime's GroupQueryAttention, which appends to the cache, and has windows and
 * soft caps. Its CPU kernel takes heads of a multiple of 8 values and rotates only multiples of 16 (1.30): what it does
 * not rotate is rotated before, and other heads are filled up with zeros, which change no product.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import { float, int, type Value } from '../../graph/node.ts'
import { type RotaryInputs, rotaryEmbedding } from '../../graph/operators/fused.ts'
import { reshape, slice } from '../../graph/operators/movement.ts'
import type { ModelConfig } from '../config.ts'
import { type Rope, ropeOf, ropesOf, rotaryDimOf, windowOf } from '../rotary.ts'
import type { Heads } from './ops.ts'

const KERNEL_HEAD = 8
const KERNEL_ROTATION = 16

const rotatesInside = (config: ModelConfig): boolean =>
  config.headDim % KERNEL_ROTATION === 0 && rotaryDimOf(config) % KERNEL_ROTATION === 0

/** @returns D of the cache, which may be more than the model's */
export const cachedHeadDim = ({ headDim }: ModelConfig): number =>
  Math.ceil(headDim / KERNEL_HEAD) * KERNEL_HEAD

/** Names of the inputs with the cosines and sines of each rotation, (M, D/2). */
export const tableNames = (rope: Rope): { readonly cos: string; readonly sin: string } =>
  rope === 'global' ? { cos: 'cos', sin: 'sin' } : { cos: 'cos_local', sin: 'sin_local' }

/** @returns whether the graph asks for `positions` (B, S) int64: each new token's, where padded any */
export const needsPositions = (config: ModelConfig): boolean =>
  ropesOf(config).length > 0 && !rotatesInside(config)

type Inputs = {
  /** (B) int32: tokens in a slot after this run, minus 1 */
  readonly lastPositions: Value
  /** () int32: the largest of them, plus 1 */
  readonly totalLength: Value
  readonly positions?: Value
  readonly tables: ReadonlyMap<Rope, Pick<RotaryInputs, 'cos' | 'sin'>>
}

const inputsOf = (g: GraphBuilder, config: ModelConfig): Inputs => {
  const half = rotaryDimOf(config) / 2
  const inputs = {
    lastPositions: g.input('last_positions', 'int32', ['B']),
    totalLength: g.input('total_length', 'int32', []),
  }
  const tables = new Map(
    ropesOf(config).map(rope => {
      const { cos, sin } = tableNames(rope)
      const table = (name: string) => g.input(name, 'float32', ['M', half])
      return [rope, { cos: table(cos), sin: table(sin) }]
    }),
  )
  return needsPositions(config)
    ? { ...inputs, tables, positions: g.input('positions', 'int64', ['B', 'S']) }
    : { ...inputs, tables }
}

/** x: (B, S, n·D) @returns the same with heads of `to` values: zeros behind, or what lies behind gone */
const resized = (g: GraphBuilder, x: Value, from: number, to: number): Value => {
  if (from === to) return x
  const [b, s, width] = x.shape as readonly [string, string, number]
  const n = width / from
  const heads = reshape(g, x, [b, s, n, from])
  const shape = [b, s, n, to]
  const pads = g.constant('int64', [0, 0, 0, 0, 0, 0, 0, to - from])
  const changed =
    to < from
      ? slice(g, heads, { axis: 3, start: 0, end: to })
      : g.node({ operator: 'Pad', inputs: [heads, pads], outputs: [{ type: x.type, shape }] })[0]!
  return reshape(g, changed, [b, s, n * to])
}

/** @returns q, k and v as the kernel takes them: joined if they lie so and need nothing, else each by itself */
const prepared = (
  g: GraphBuilder,
  config: ModelConfig,
  { layer, q, k, v }: Heads,
  whole: Value | undefined,
  { positions, tables }: Inputs,
): readonly (Value | undefined)[] => {
  const { headDim } = config
  const rope = ropeOf(config, layer)
  const rotation = positions && rope ? { positions, ...tables.get(rope)! } : undefined
  const size = cachedHeadDim(config)
  if (whole && !rotation && size === headDim) return [whole, undefined, undefined]
  const rotaryDim = rotaryDimOf(config)
  const turned = (x: Value) =>
    rotation
      ? rotaryEmbedding(g, x, rotation, { heads: (x.shape[2] as number) / headDim, rotaryDim })
      : x
  return [turned(q), turned(k), v].map(x => resized(g, x, headDim, size))
}

/**
 * Declares `last_positions`, `total_length`, the rotations' tables and, layer by layer, `past_key.{i}`, `past_value.{i}`
 * → `present_key.{i}`, `present_value.{i}`.
 * @returns attention of a layer, (B, S, H·D); `whole`: q, k and v in one value, (B, S, (H + 2K)·D)
 */
export const cachedAttention = (g: GraphBuilder, config: ModelConfig) => {
  const { heads, headDim, attentionSoftcap: softcap } = config
  const inputs = inputsOf(g, config)
  const inside = rotatesInside(config)
  const scale = config.attentionScale ?? 1 / Math.sqrt(headDim)
  const size = cachedHeadDim(config)
  return (parts: Heads, whole?: Value): Value => {
    const { layer } = parts
    const kvHeads = config.kvHeads[layer]!
    const cache = ['B', kvHeads, 'M', size] as const
    const pastKey = g.input(`past_key.${layer}`, 'float32', cache)
    const pastValue = g.input(`past_value.${layer}`, 'float32', cache)
    const rope = inside ? ropeOf(config, layer) : undefined
    const table = rope && inputs.tables.get(rope)
    const window = windowOf(config, layer)
    const [out, key, value] = g.node({
      operator: 'GroupQueryAttention',
      domain: 'com.microsoft',
      inputs: [
        ...prepared(g, config, parts, whole, inputs),
        pastKey,
        pastValue,
        inputs.lastPositions,
        inputs.totalLength,
        ...(table ? [table.cos, table.sin] : []),
      ],
      outputs: [
        { type: 'float32', shape: parts.q.shape.with(-1, heads * size) },
        { type: 'float32', shape: cache },
        { type: 'float32', shape: cache },
      ],
      attributes: {
        num_heads: int(heads),
        kv_num_heads: int(kvHeads),
        scale: float(scale),
        do_rotary: int(Number(table !== undefined)),
        ...(window === undefined ? {} : { local_window_size: int(window) }),
        ...(softcap === undefined ? {} : { softcap: float(softcap) }),
      },
    })
    g.output(`present_key.${layer}`, key!)
    g.output(`present_value.${layer}`, value!)
    return resized(g, out!, size, headDim)
  }
}
