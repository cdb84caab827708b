/**
 * Forward passes with a key-value cache, for generation; one graph serves prompts and single tokens.
 * B slots, S new tokens each, C hidden size, H query heads, K key-value heads, D head size, M cache capacity.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import { float, type Value } from '../../graph/node.ts'
import { add, mul } from '../../graph/operators/elementwise.ts'
import { rmsNorm } from '../../graph/operators/fused.ts'
import { fusedMatMul } from '../../graph/operators/matrix.ts'
import { gather, reshape, split } from '../../graph/operators/movement.ts'
import type { ModelConfig } from '../config.ts'
import { EMBEDDING_WEIGHT, linearLayers } from '../linear-layers.ts'
import { cachedAttention } from './cached-attention.ts'
import type { Ops, Stream } from './ops.ts'

/** Finds a stored tensor by name; undefined where it is not stored. */
export type TensorLookup = (name: string) => Value | undefined

/** The name under which generation stores linear layers of one input, one below the other. */
export const joinedName = (paths: readonly string[]): string => paths.join('+')

export type DecodingInputs = {
  /** (B, S) int32, padded on the right */
  readonly tokens: Value
  /** (B) int32 flat index of each slot's last real token */
  readonly lastIndex: Value
  /** (1) what the adapter's part is multiplied by; 0 for the base model */
  readonly adapterScale: Value
}

const need = (tensor: TensorLookup, name: string): Value => {
  const value = tensor(name)
  if (!value) throw new TypeError(`tensor ${name} is not stored`)
  return value
}

/** x: (B, S, in) @returns x W′ + scale · x A′ B′ + bias, (B, S, out) */
const linear = (g: GraphBuilder, x: Value, name: string, tensor: TensorLookup, scale: Value) => {
  const product = fusedMatMul(g, x, need(tensor, `${name}.weight`), { transB: true })
  const bias = tensor(`${name}.bias`)
  const y = bias ? add(g, product, bias) : product
  const [a, b] = [tensor(`${name}.lora_A`), tensor(`${name}.lora_B`)]
  if (!a || !b) return y
  const low = mul(g, fusedMatMul(g, x, a, { transB: true }), scale)
  return add(g, y, fusedMatMul(g, low, b, { transB: true }))
}

/** x + y and its RMS norm, in one pass over the data. */
const addThenNorm = (g: GraphBuilder, x: Value, y: Value, weight: Value, epsilon: number) => {
  const like = { type: x.type, shape: x.shape }
  const [normalized, sum] = g.node({
    operator: 'SkipSimplifiedLayerNormalization',
    domain: 'com.microsoft',
    inputs: [x, y, weight],
    outputs: [like, undefined, undefined, like],
    attributes: { epsilon: float(epsilon) },
  })
  return [normalized!, sum!] as const
}

const sumOf = (g: GraphBuilder, { x, added }: Stream): Value => (added ? add(g, x, added) : x)

export const decodingOps = (
  g: GraphBuilder,
  config: ModelConfig,
  tensor: TensorLookup,
  { tokens, lastIndex, adapterScale }: DecodingInputs,
): Ops => {
  const { rmsNormEpsilon: epsilon, hiddenSize, headDim } = config
  const widths = new Map(linearLayers(config).map(layer => [layer.path, layer.outFeatures]))
  const weight = (name: string) => need(tensor, name)
  const norm = (x: Value, w: Value) => rmsNorm(g, x, w, epsilon)[0]
  /** parts → what they are parts of, which attention takes whole */
  const wholes = new Map<Value, readonly [whole: Value, parts: readonly Value[]]>()
  const parted = (x: Value, sizes: readonly number[]) => {
    const parts = split(g, x, -1, sizes)
    wholes.set(parts[0]!, [x, parts])
    return parts
  }
  const attend = cachedAttention(g, config)
  return {
    config,
    g,
    weight,
    embed: scale => {
      const x = gather(g, weight(EMBEDDING_WEIGHT), tokens)
      return scale === undefined ? x : mul(g, x, g.scalar('float32', scale))
    },
    layers: (x, layer) => {
      let stream: Stream = { x }
      for (let index = 0; index < config.layers; index++)
        stream = g.scope(`layers.${index}`, () => layer(stream, index))
      return stream
    },
    norm,
    addAndNorm: ({ x, added }, w) =>
      added ? addThenNorm(g, x, added, w, epsilon) : [norm(x, w), x],
    headNorm: (x, w) => {
      const [b, s, width] = x.shape as readonly [string, string, number]
      const heads = reshape(g, x, [b, s, width / headDim, headDim])
      return reshape(g, norm(heads, w), x.shape)
    },
    linears: (x, paths) => {
      const y = linear(g, x, joinedName(paths), tensor, adapterScale)
      return paths.length === 1
        ? [y]
        : parted(
            y,
            paths.map(path => widths.get(path)!),
          )
    },
    split: parted,
    attention: heads => {
      const [whole, parts] = wholes.get(heads.q) ?? []
      const isWhole = parts?.length === 3 && parts[1] === heads.k && parts[2] === heads.v
      return attend(heads, isWhole ? whole : undefined)
    },
    asked: x => x,
    last: stream => gather(g, reshape(g, sumOf(g, stream), ['N', hiddenSize]), lastIndex),
  }
}
