/**
 * The decoder that is published: generation's own forward pass, with the inputs and outputs that onnxruntime-genai gives
 * and takes. B sequences, S new tokens each, P tokens in the cache, T = P + S, V vocabulary.
 */
import { GraphBuilder } from '../../graph/build.ts'
import { type ElementType, type Graph, int, type Shape, type Value } from '../../graph/node.ts'
import { cast, div, mul, sub, tanh } from '../../graph/operators/elementwise.ts'
import { fusedMatMul } from '../../graph/operators/matrix.ts'
import { concat, gather } from '../../graph/operators/movement.ts'
import { needsPositions } from '../../model/architectures/cached-attention.ts'
import { decodingOps, type TensorLookup } from '../../model/architectures/decoding-ops.ts'
import { familyOf } from '../../model/architectures/family-of.ts'
import type { ModelConfig } from '../../model/config.ts'
import { headWeightName } from '../../model/linear-layers.ts'

const [B, S, P, T] = [
  'batch_size',
  'sequence_length',
  'past_sequence_length',
  'total_sequence_length',
]

const CACHE = /^(past|present)_(key|value)\.(\d+)$/

const cacheName = (name: string): string => {
  const [, side, kind, layer] = CACHE.exec(name) ?? []
  return side === 'past' ? `past_key_values.${layer}.${kind}` : `present.${layer}.${kind}`
}

/** Gives what generation asks for as inputs out of the inputs that this graph has, and caches their public names. */
class ExportBuilder extends GraphBuilder {
  readonly #derived = new Map<string, Value>()

  /** `input(name)` gives this value from now on. */
  derive(name: string, value: Value): void {
    this.#derived.set(name, value)
  }

  override input(name: string, type: ElementType, shape: Shape): Value {
    const derived = this.#derived.get(name)
    if (derived) return derived
    if (!CACHE.test(name)) return super.input(name, type, shape)
    const [, heads, , size] = shape
    return super.input(cacheName(name), type, [B, heads!, P, size!])
  }

  override output(name: string, value: Value): void {
    if (!CACHE.test(name)) super.output(name, value)
    else {
      const [, heads, , size] = value.shape
      super.output(cacheName(name), { ...value, shape: [B, heads!, T, size!] })
    }
  }
}

const shapeOf = (g: GraphBuilder, x: Value): Value =>
  g.node({
    operator: 'Shape',
    inputs: [x],
    outputs: [{ type: 'int64', shape: [x.shape.length] }],
  })[0]!

const reduced = (g: GraphBuilder, operator: string, x: Value, axis: number, shape: Shape): Value =>
  g.node({
    operator,
    inputs: [x, g.constant('int64', [axis])],
    outputs: [{ type: x.type, shape }],
    attributes: { keepdims: int(0) },
  })[0]!

/** Each sequence's length so far, which its padding on the right is no part of. */
const deriveLengths = (g: ExportBuilder, mask: Value): void => {
  const lengths = reduced(g, 'ReduceSum', mask, 1, [B])
  g.derive('last_positions', cast(g, sub(g, lengths, g.scalar('int64', 1)), 'int32'))
  const total = gather(g, shapeOf(g, mask), g.scalar('int64', 1))
  g.derive('total_length', cast(g, total, 'int32'))
}

/** (B·S) int64: every token's logits are asked for */
const allTokens = (g: GraphBuilder, tokens: Value): Value => {
  const count = reduced(g, 'ReduceProd', shapeOf(g, tokens), 0, [])
  return g.node({
    operator: 'Range',
    inputs: [g.scalar('int64', 0), count, g.scalar('int64', 1)],
    outputs: [{ type: 'int64', shape: ['N'] }],
  })[0]!
}

/** x: (B·S, V) @returns (B, S, V) */
const bySequence = (g: GraphBuilder, x: Value, tokens: Value, vocabSize: number): Value => {
  const shape = concat(g, [shapeOf(g, tokens), g.constant('int64', [vocabSize])], 0)
  return g.node({
    operator: 'Reshape',
    inputs: [x, shape],
    outputs: [{ type: x.type, shape: [B, S, vocabSize] }],
  })[0]!
}

const capped = (g: GraphBuilder, x: Value, cap: number | undefined): Value => {
  if (cap === undefined) return x
  const by = g.scalar('float32', cap)
  return mul(g, tanh(g, div(g, x, by)), by)
}

/** @param tensor tuned weights as generation stores them, and RoPE's tables by the names of their inputs */
export const exportGraph = (
  config: ModelConfig,
  define: (g: GraphBuilder) => TensorLookup,
): Graph => {
  const g = new ExportBuilder()
  const tensor = define(g)
  const tokens = g.input('input_ids', 'int64', [B, S])
  deriveLengths(g, g.input('attention_mask', 'int64', [B, T]))
  if (needsPositions(config)) g.derive('positions', g.input('position_ids', 'int64', [B, S]))
  for (const name of ['cos', 'sin', 'cos_local', 'sin_local']) {
    const table = tensor(name)
    if (table) g.derive(name, table)
  }
  const ops = decodingOps(g, config, tensor, {
    tokens,
    lastIndex: allTokens(g, tokens),
    adapterScale: g.constant('float32', [1]),
  })
  const hidden = familyOf(config).forward(ops)
  const logits = fusedMatMul(g, hidden, ops.weight(headWeightName(config)), { transB: true })
  g.output(
    'logits',
    bySequence(g, capped(g, logits, config.logitSoftcap), tokens, config.vocabSize),
  )
  return g.finish('decoder')
}
