/**
 * Forward passes over packed documents, to be differentiated.
 * B rows, T tokens, M = B·T, N tokens whose successors are asked for, C hidden size, H query heads, K key-value heads,
 * D head size.
 */
import { attention } from '../../autodiff/composites/attention.ts'
import { longAttention, MAX_WRITTEN_OUT, TURN } from '../../autodiff/composites/long-attention.ts'
import { unitRms } from '../../autodiff/composites/unit-rms.ts'
import { recomputed } from '../../autodiff/recompute.ts'
import type { GraphBuilder } from '../../graph/build.ts'
import type { Value } from '../../graph/node.ts'
import { add, mul } from '../../graph/operators/elementwise.ts'
import { type RotaryInputs, rotaryEmbedding } from '../../graph/operators/fused.ts'
import { gather, reshape, split, transpose } from '../../graph/operators/movement.ts'
import { known } from '../../graph/shapes.ts'
import { seenKeys } from '../attention-biases.ts'
import type { ModelConfig } from '../config.ts'
import type { Linears } from '../lora.ts'
import { ropeOf, ropesOf, rotaryDimOf, rotaryTables, windowOf } from '../rotary.ts'
import type { Heads, Ops, Stream } from './ops.ts'

export type PackedInputs = {
  readonly rows: number
  readonly length: number
  /** (M, C) the tokens' rows of the embedding table */
  readonly embeddings: Value
  /** (B, T) int64 position within the document */
  readonly positions: Value
  /** (B, T) int32 document within the row */
  readonly segments: Value
  /** (M, C) what is added to the embeddings */
  readonly noise?: Value
  /** (N) int32 flat indices of the tokens whose successors are asked for */
  readonly asked: Value
}

export type TrainingParts = {
  readonly config: ModelConfig
  /** a frozen weight by its Hugging Face name */
  readonly weight: (name: string) => Value
  readonly linears: Linears
  /** of how many layers, from the first, only the input is kept for the backward pass */
  readonly recomputedLayers: number
  /** attention by ONNX's operator, which is faster on the CPU */
  readonly fusesAttention: boolean
}

const sumOf = (g: GraphBuilder, { x, added }: Stream): Value => (added ? add(g, x, added) : x)

/** x: (…, C), weight: (C) @returns (…, C) */
const rmsNorm = (g: GraphBuilder, x: Value, weight: Value, epsilon: number): Value => {
  const normalized = unitRms(g, x, epsilon)
  return g.cheap(() => mul(g, normalized, weight))
}

/** @returns a function that turns (M, n·D) by the angles of a layer */
const rotations = (g: GraphBuilder, config: ModelConfig, inputs: PackedInputs) => {
  const { rows, length, positions } = inputs
  const { headDim } = config
  const rotaryDim = rotaryDimOf(config)
  const tables = new Map(
    ropesOf(config).map((rope): [string, RotaryInputs] => {
      const { cos, sin, half } = rotaryTables(config, rope, length)
      const table = (data: Float32Array) => g.constant('float32', data, [length, half])
      return [rope, { positions, cos: table(cos), sin: table(sin) }]
    }),
  )
  return (x: Value, layer: number): Value => {
    const rope = ropeOf(config, layer)
    if (!rope) return x
    const width = known([x.shape[1]!])[0]!
    const part = rotaryDim < headDim ? { heads: width / headDim, rotaryDim } : undefined
    const row = reshape(g, x, [rows, length, width])
    return reshape(g, rotaryEmbedding(g, row, tables.get(rope)!, part), x.shape)
  }
}

/** A window that holds the whole row is none. */
const windowIn = (config: ModelConfig, layer: number, length: number) => {
  const window = windowOf(config, layer)
  return window !== undefined && window < length ? { window } : {}
}

/** Rows that attend in blocks of fewer queries on the CPU, by some 2 % faster; of 512 tokens it is not worth 70 MB. */
const SHORT = { length: 256, block: 64 }

/** @returns queries of a block, where they are not attention's own choice */
const blockIn = ({ fusesAttention }: TrainingParts, length: number) =>
  fusesAttention && length <= SHORT.length ? { block: SHORT.block } : {}

/** Masks of each window that the layers have. */
const masks = (g: GraphBuilder, parts: TrainingParts, inputs: PackedInputs) => {
  const { length } = inputs
  const { config } = parts
  const block = blockIn(parts, length)
  const of = (layer: number) => windowIn(config, layer, length)
  const windows = new Set(config.kvHeads.map((_, layer) => of(layer).window))
  const seen = new Map(
    [...windows].map(window => [window, seenKeys(g, inputs, length, { window, ...block })]),
  )
  return (layer: number) => ({ ...seen.get(of(layer).window)!, ...of(layer), ...block })
}

const attentionOf = (g: GraphBuilder, parts: TrainingParts, inputs: PackedInputs) => {
  const { config, recomputedLayers, fusesAttention } = parts
  const { rows, length } = inputs
  const { heads: h, headDim: d, attentionScale: scale, attentionSoftcap: softcap } = config
  const settings = {
    ...(scale === undefined ? {} : { scale }),
    ...(softcap === undefined ? {} : { softcap }),
  }
  const rotate = rotations(g, config, inputs)
  const isLong = fusesAttention && length > MAX_WRITTEN_OUT && length % TURN === 0
  const maskOf = isLong ? undefined : masks(g, parts, inputs)
  /** x: (M, n·D) @returns (B, n, T, D) */
  const heads = (x: Value, n: number) =>
    transpose(g, reshape(g, x, [rows, length, n, d]), [0, 2, 1, 3])
  return ({ layer, q, k, v }: Heads): Value => {
    const n = config.kvHeads[layer]!
    const [query, key, value] = [
      heads(rotate(q, layer), h),
      heads(rotate(k, layer), n),
      heads(v, n),
    ]
    const queries = reshape(g, query, [rows, n, h / n, length, d])
    const given = { q: queries, k: key, v: value, ...settings }
    const out = maskOf
      ? attention(g, {
          ...given,
          ...maskOf(layer),
          // where the whole layer is computed once more, the gradient reads the probabilities of that time
          isFused: fusesAttention && layer >= recomputedLayers,
        })
      : longAttention(g, {
          ...given,
          segments: inputs.segments,
          positions: inputs.positions,
          isFused: fusesAttention,
          ...windowIn(config, layer, length),
        })
    return reshape(g, out, [rows * length, h * d])
  }
}

export const trainingOps = (g: GraphBuilder, parts: TrainingParts, inputs: PackedInputs): Ops => {
  const { config, weight, linears, recomputedLayers } = parts
  const { rmsNormEpsilon: epsilon, headDim, layers } = config
  const { rows, length, embeddings, noise, asked } = inputs
  // what is computed twice ends as wide as it began
  const isNarrow = (layer: number) => layer === layers - 1 && layer >= recomputedLayers
  const norm = (x: Value, w: Value) => rmsNorm(g, x, w, epsilon)
  return {
    config,
    g,
    weight,
    embed: scale => {
      const scaled =
        scale === undefined ? embeddings : mul(g, embeddings, g.scalar('float32', scale))
      return noise ? add(g, scaled, noise) : scaled
    },
    layers: (first, layer) => {
      let x = first
      for (let index = 0; index < layers; index++) {
        const run = (y: Value) => sumOf(g, layer({ x: y }, index))
        const isRecomputed = index < recomputedLayers
        x = g.scope(`layers.${index}`, () => (isRecomputed ? recomputed(g, x, run) : run(x)))
      }
      return { x }
    },
    norm,
    addAndNorm: (stream, w) => {
      const x = sumOf(g, stream)
      return [norm(x, w), x]
    },
    headNorm: (x, w) => {
      const width = known([x.shape[1]!])[0]!
      const heads = reshape(g, x, [rows * length, width / headDim, headDim])
      return reshape(g, norm(heads, w), x.shape)
    },
    linears: (x, paths) => linears(g, x, paths),
    split: (x, sizes) => split(g, x, -1, sizes),
    attention: attentionOf(g, parts, inputs),
    asked: (x, layer) => (isNarrow(layer) ? gather(g, x, asked) : x),
    last: stream => {
      const sum = sumOf(g, stream)
      return isNarrow(layers - 1) ? sum : gather(g, sum, asked)
    },
  }
}
