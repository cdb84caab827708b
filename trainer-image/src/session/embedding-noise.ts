/**
 * NEFTune (Jain et al. 2023, arXiv:2310.05914): while training, U(-1, 1) · α / √(L·C) is added to the embeddings. L is the
 * row's length, as in the authors' code and in transformers' hook, padding included; here it is `training.sequenceLength`,
 * for the length that a row is padded to in its micro-batch would let the noise depend on the rows beside it.
 * A number follows from seed, step, what its document says and its place in it, so that neither a resume nor the
 * micro-batch nor packing changes it. C hidden size.
 */
import { Tensor } from 'onnxruntime-node'
import type { GraphBuilder } from '../graph/build.ts'
import type { Value } from '../graph/node.ts'
import type { ModelConfig } from '../model/config.ts'
import { type PhiloxKey, philox } from '../model/random.ts'
import { tokenHash } from './token-hash.ts'
import type { MicroBatch } from './training-engine.ts'

/** @returns the largest number that is added */
export const noiseBound = (alpha: number, sequenceLength: number, hiddenSize: number): number =>
  alpha / Math.sqrt(sequenceLength * hiddenSize)

export type NoiseSource = {
  readonly seed: number
  readonly bound: number
  readonly hiddenSize: number
}

/** Apart from other streams of the same seed. */
const KEY = 0x4e454654

/**
 * A token's numbers in [-bound, bound): a Weyl sequence through MurmurHash3's finalizer, with a second word of the
 * token's between its rounds, for a block of Philox for every four numbers would take a twentieth of a step's time.
 */
const fillToken = (out: Float32Array, bound: number, first: number, second: number): void => {
  let state = first
  for (let c = 0; c < out.length; c++) {
    state = (state + 0x9e3779b9) | 0
    let z = Math.imul(state ^ (state >>> 16), 0x85ebca6b) + second
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    z ^= z >>> 16
    out[c] = ((z >>> 8) * 2 ** -23 - 1) * bound
  }
}

/** @returns end of the document that starts at `start` */
const documentEnd = (segments: Int32Array, start: number, rowEnd: number): number => {
  let end = start + 1
  while (end < rowEnd && segments[end] === segments[start]) end++
  return end
}

/** @returns (B·T, C); 0 where padded */
export const embeddingNoise = (
  { seed, bound, hiddenSize }: NoiseSource,
  { rows, length, tokens, segments, step = 0 }: MicroBatch,
): Float32Array => {
  const noise = new Float32Array(rows * length * hiddenSize)
  const key: PhiloxKey = [seed, KEY]
  for (let start = 0; start < rows * length; ) {
    const rowEnd = (Math.floor(start / length) + 1) * length
    const end = documentEnd(segments, start, rowEnd)
    if (segments[start]! > 0) {
      const document = tokenHash(tokens.subarray(start, end))
      for (let t = start; t < end; t++) {
        const [first, second] = philox([t - start, step, ...document], key)
        const out = noise.subarray(t * hiddenSize, (t + 1) * hiddenSize)
        fillToken(out, bound, first, second)
      }
    }
    start = end
  }
  return noise
}

const INPUT = 'embedding_noise'

/** @returns (M, C) */
export const noiseInput = (g: GraphBuilder, tokens: number, hiddenSize: number): Value =>
  g.input(INPUT, 'float32', [tokens, hiddenSize])

type FeedSource = {
  readonly config: ModelConfig
  readonly seed: number
  readonly noiseBound?: number
}

export const noiseFeeds = (
  { config: { hiddenSize }, seed, noiseBound: bound }: FeedSource,
  batch: MicroBatch,
): Record<string, Tensor> => {
  if (bound === undefined) return {}
  const noise = embeddingNoise({ seed, bound, hiddenSize }, batch)
  return { [INPUT]: new Tensor('float32', noise, [batch.rows * batch.length, hiddenSize]) }
}
