/** A micro-batch as the inputs that the graphs of training and validation have for it, but for its tokens' rows. */
import { Tensor } from 'onnxruntime-node'
import type { MicroBatch } from './training-engine.ts'

export type Feeds = Record<string, Tensor>

export const batchFeeds = (batch: MicroBatch): Feeds => {
  const { rows, length, targetPositions, targetTokens } = batch
  const shape = [rows, length]
  return {
    positions: new Tensor('int64', BigInt64Array.from(batch.positions, BigInt), shape),
    segments: new Tensor('int32', batch.segments, shape),
    target_positions: new Tensor('int32', targetPositions, [targetPositions.length]),
    target_tokens: new Tensor('int32', targetTokens, [targetTokens.length]),
  }
}
