/**
 * The rows of the embedding table and of the output head that a batch's tokens name. Those of a frozen table are read
 * from the weights file and fed: a graph that gathered them would map the whole table, beside the head's blocks, which
 * are the same memory. M tokens, N targets, C hidden size, V vocabulary.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { Tensor } from 'onnxruntime-node'
import type { GraphBuilder } from '../graph/build.ts'
import type { Value } from '../graph/node.ts'
import { gather } from '../graph/operators/movement.ts'
import type { ModelConfig } from '../model/config.ts'
import { EMBEDDING_WEIGHT, headWeightName } from '../model/linear-layers.ts'
import type { Feeds } from './batch-feeds.ts'
import type { MicroBatch } from './training-engine.ts'
import type { StoredWeight } from './weights-file.ts'

const TOKENS = 'tokens'
const EMBEDDINGS = 'token_embeddings'
const TARGET_WEIGHTS = 'target_weights'

/** @param table (V, C) where it is trained @param shape (M, C) @returns embeddings of the batch's tokens */
export const embeddingRows = (
  g: GraphBuilder,
  table: Value | undefined,
  shape: readonly [number, number],
): Value =>
  table
    ? gather(g, table, g.input(TOKENS, 'int32', [shape[0]]))
    : g.input(EMBEDDINGS, 'float32', shape)

/** @param head (V, C) where it is trained @param targets (N) int32 @returns (N, C): the head's rows of the targets */
export const targetRows = (
  g: GraphBuilder,
  head: Value | undefined,
  targets: Value,
  hiddenSize: number,
): Value =>
  head
    ? gather(g, head, targets)
    : g.input(TARGET_WEIGHTS, 'float32', [...targets.shape, hiddenSize])

/** Reads rows of one weight into memory that the next call uses again. */
class Rows {
  readonly #file: number
  readonly #weight: StoredWeight
  #memory = new Float32Array(0)

  constructor(file: number, weight: StoredWeight) {
    this.#file = file
    this.#weight = weight
  }

  /** @returns (tokens, C) */
  read(tokens: Int32Array): Tensor {
    const [vocabulary, width] = this.#weight.shape as [number, number]
    const size = tokens.length * width
    if (this.#memory.length < size) this.#memory = new Float32Array(size)
    const { byteOffset, buffer } = this.#memory
    const bytes = new Uint8Array(buffer, byteOffset, 4 * size)
    const rowBytes = 4 * width
    for (const [i, token] of tokens.entries()) {
      if (token < 0 || token >= vocabulary)
        throw new TypeError(`token ${token} is none of the model's ${vocabulary}`)
      const at = this.#weight.external.offset + token * rowBytes
      const read = readSync(this.#file, bytes, i * rowBytes, rowBytes, at)
      if (read !== rowBytes) throw new Error(`the weights file ends before token ${token}`)
    }
    return new Tensor('float32', this.#memory.subarray(0, size), [tokens.length, width])
  }
}

export type TokenRowsOptions = {
  /** holds the weights file */
  readonly folder: string
  readonly config: ModelConfig
  /** the frozen weights */
  readonly weights: readonly StoredWeight[]
  /** names of weights that are trained whole, which the file may have too */
  readonly trained: ReadonlySet<string>
}

/** The feeds of `embeddingRows` and `targetRows`. */
export class TokenRows {
  readonly #file: number | undefined
  readonly #embeddings: Rows | undefined
  readonly #head: Rows | undefined

  constructor({ folder, config, weights, trained }: TokenRowsOptions) {
    const frozen = (name: string) =>
      trained.has(name) ? undefined : weights.find(weight => weight.name === name)
    const [embeddings, head] = [frozen(EMBEDDING_WEIGHT), frozen(headWeightName(config))]
    const stored = embeddings ?? head
    if (!stored) return
    this.#file = openSync(join(folder, stored.external.location), 'r')
    this.#embeddings = embeddings && new Rows(this.#file, embeddings)
    this.#head = head && new Rows(this.#file, head)
  }

  /** @returns good until the next call */
  feeds({ tokens, targetTokens }: MicroBatch, train: boolean): Feeds {
    return {
      ...(this.#embeddings
        ? { [EMBEDDINGS]: this.#embeddings.read(tokens) }
        : { [TOKENS]: new Tensor('int32', tokens, [tokens.length]) }),
      ...(train && this.#head ? { [TARGET_WEIGHTS]: this.#head.read(targetTokens) } : {}),
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
  }
}
