/**
 * What forward passes are written in. Training and decoding each implement it (training-ops.ts, decoding-ops.ts), so a
 * family's forward pass is written once. `…` are the tokens at hand: B·T packed ones in training, (B, S) in decoding.
 * C hidden size, H query heads, K key-value heads, D head size.
 */
import type { GraphBuilder } from '../../graph/build.ts'
import type { Value } from '../../graph/node.ts'
import type { ModelConfig } from '../config.ts'

/** The residual stream (…, C): x, and what its next reader adds to it, for adding and normalizing are one operator. */
export type Stream = { readonly x: Value; readonly added?: Value }

export type Heads = {
  readonly layer: number
  /** (…, H·D) */
  readonly q: Value
  /** (…, K·D) */
  readonly k: Value
  readonly v: Value
}

export type Ops = {
  readonly config: ModelConfig
  /** for what works element by element or on the last axis, and so needs no implementation here */
  readonly g: GraphBuilder
  /** a weight by its Hugging Face name */
  weight(name: string): Value
  /** @returns the tokens' rows of the embedding table times `scale`, (…, C) */
  embed(scale?: number): Value
  /** Runs `layer` for each layer. @param x (…, C) */
  layers(x: Value, layer: (stream: Stream, index: number) => Stream): Stream
  /** @returns x / rms(x) · weight over the last axis */
  norm(x: Value, weight: Value): Value
  /** @returns the stream's sum, normalized, and the sum */
  addAndNorm(stream: Stream, weight: Value): readonly [normalized: Value, sum: Value]
  /** Normalizes each head by itself. @param x (…, n·D) @param weight (D) */
  headNorm(x: Value, weight: Value): Value
  /** Linear layers that read the same input, by their Hugging Face paths. @returns of each (…, out) */
  linears(x: Value, paths: readonly string[]): readonly Value[]
  /** Parts of the last axis. */
  split(x: Value, sizes: readonly number[]): readonly Value[]
  /** Rotates queries and keys and attends, as the config has it for the layer. @returns (…, H·D) */
  attention(heads: Heads): Value
  /**
   * Once a layer has attended it works on each token by itself, and the last layer's tokens are read no more but where
   * their successors are asked for. @returns those of x, (…, n), in the last layer, unless it is recomputed, and all of
   * them in the others
   */
  asked(x: Value, layer: number): Value
  /** @returns the stream's sum at the tokens whose successors are asked for: the loss's in training, a slot's last in decoding */
  last(stream: Stream): Value
}

/** @returns what the output head reads, (…, C) */
export type Forward = (ops: Ops) => Value
