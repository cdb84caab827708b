/**
 * Dropout of what an adapter reads (Srivastava et al. 2014), inverted: what is kept is divided by the share that is kept.
 *
 * An element is kept where the product of a random odd number of its token and one of its column, modulo 2³², is at
 * least p·2³² (multiply-shift hashing, Dietzfelbinger et al. 1997: any two elements are independent). So a mask costs
 * two passes over what it hides, and only the factors are made here. They follow from seed, step and the
 * row's own tokens: neither the micro-batch nor a resume changes a mask. Layers that share their input share its mask.
 */
import { Tensor } from 'onnxruntime-node'
import type { GraphBuilder } from '../graph/build.ts'
import { greaterOrEqual, mul, where } from '../graph/operators/elementwise.ts'
import type { Value } from '../graph/node.ts'
import { gather, reshape, slice } from '../graph/operators/movement.ts'
import { known } from '../graph/shapes.ts'
import { isFull, type TuningMethod } from '../model/adapter.ts'
import type { ModelConfig } from '../model/config.ts'
import { linearLayers } from '../model/linear-layers.ts'
import type { AdapterInput } from '../model/lora.ts'
import { type PhiloxKey, philox } from '../model/random.ts'
import { tokenHash } from './token-hash.ts'
import type { MicroBatch } from './training-engine.ts'

const ROWS = 'dropout_rows'
const COLUMNS = 'dropout_columns'

export const dropoutOf = (method: TuningMethod): number =>
  isFull(method) ? 0 : (method.dropout ?? 0)

/** Room for the columns of every layer's input, were none shared. */
const columnCount = (config: ModelConfig): number =>
  linearLayers(config).reduce((sum, { inFeatures }) => sum + inFeatures, 0)

/** The least product, as a signed number, of an element that is kept. */
export const thresholdOf = (dropout: number): number => Math.round(dropout * 2 ** 32) - 2 ** 31

type Dropped = {
  readonly method: TuningMethod
  readonly config: ModelConfig
  /** M, of a micro-batch */
  readonly tokens: number
  /** (N) int32 tokens that are left in the last layer */
  readonly asked: Value
}

/** @returns undefined where nothing is dropped */
export const dropoutInputs = (
  g: GraphBuilder,
  { method, config, tokens, asked }: Dropped,
): AdapterInput | undefined => {
  const dropout = dropoutOf(method)
  if (dropout === 0) return undefined
  const rows = g.input(ROWS, 'int32', [tokens, 1])
  const columns = g.input(COLUMNS, 'int32', [columnCount(config)])
  const [threshold, zero] = [g.scalar('int32', thresholdOf(dropout)), g.scalar('float32', 0)]
  let start = 0
  return {
    scale: 1 / (1 - dropout),
    drop: (builder, x) => {
      const width = known([x.shape[1]!])[0]!
      const factors = slice(builder, columns, { axis: 0, start, end: start + width })
      start += width
      const own = x.shape[0] === tokens ? rows : gather(builder, rows, asked)
      const product = mul(builder, own, reshape(builder, factors, [1, width]))
      const kept = greaterOrEqual(builder, product, threshold)
      // the mask takes a quarter of the memory of what it leaves
      return builder.cheap(() => where(builder, kept, x, zero))
    },
  }
}

type Stream = readonly [number, number, number]

/** Odd numbers of a stream: number i from block ⌊i/4⌋ of Philox. */
const oddNumbers = (out: Int32Array, key: PhiloxKey, stream: Stream): void => {
  for (let start = 0; start < out.length; start += 4) {
    const words = philox([start / 4, ...stream], key)
    for (let i = 0; i < 4 && start + i < out.length; i++) out[start + i] = words[i]! | 1
  }
}

/** Of what a row says, so that it does not matter which micro-batch it comes in, or where, or how much it is padded. */
const rowStream = (tokens: Int32Array, step: number): Stream => [step, ...tokenHash(tokens)]

/** Apart from each other, and from other streams of the same seed. */
const ROWS_KEY = 0x64726f70
const COLUMNS_KEY = 0x64726f71

export type DropoutSource = {
  readonly config: ModelConfig
  readonly method: TuningMethod
  readonly seed: number
}

/** @returns factors of the tokens of a micro-batch, (B·T), and of the columns */
export const dropoutFactors = (
  { config, seed }: DropoutSource,
  { rows, length, tokens, segments, step = 0 }: MicroBatch,
): { readonly rows: Int32Array; readonly columns: Int32Array } => {
  const factors = new Int32Array(rows * length)
  for (let start = 0; start < factors.length; start += length) {
    const end = start + length
    const own = tokens.subarray(start, end).filter((_, t) => segments[start + t]! > 0)
    oddNumbers(factors.subarray(start, end), [seed, ROWS_KEY], rowStream(own, step))
  }
  const columns = new Int32Array(columnCount(config))
  oddNumbers(columns, [seed, COLUMNS_KEY], [step, 0, 0])
  return { rows: factors, columns }
}

export const dropoutFeeds = (source: DropoutSource, batch: MicroBatch): Record<string, Tensor> => {
  if (dropoutOf(source.method) === 0) return {}
  const { rows, columns } = dropoutFactors(source, batch)
  return {
    [ROWS]: new Tensor('int32', rows, [rows.length, 1]),
    [COLUMNS]: new Tensor('int32', columns, [columns.length]),
  }
}
