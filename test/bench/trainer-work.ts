/**
 * One party of the benchmark in a process of its own, so that peak memory is its alone: makes a step for each line of
 * standard input, and prints `{seconds, peakBytes}` of it as a line of JSON.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createTrainingEngine } from '../../trainer-image/src/session/create-training-engine.ts'
import type { MicroBatch } from '../../trainer-image/src/session/training-engine.ts'
import { ALL_LINEAR, randomWeights, SMOLLM2_135M } from './random-model.ts'

const [scratchFolder, rowsText, lengthText, threads, mode] = process.argv.slice(2)
const [rows, length] = [Number(rowsText), Number(lengthText)]

/** All tokens in the loss. */
const batch = (): MicroBatch => {
  const size = rows * length
  const tokens = Int32Array.from({ length: size }, (_, i) => (i * 7919 + 13) % 49152)
  const targetPositions = Int32Array.from({ length: size }, (_, i) => i).filter(
    i => i % length !== length - 1,
  )
  return {
    rows,
    length,
    tokens,
    positions: tokens.map((_, i) => i % length),
    segments: new Int32Array(size).fill(1),
    targetPositions,
    targetTokens: targetPositions.map(position => tokens[position + 1]!),
  }
}

const engine = await createTrainingEngine({
  config: SMOLLM2_135M,
  weights: randomWeights(SMOLLM2_135M),
  weightsDigest: 'random',
  method: { rank: 8, alpha: 16, targetModules: ALL_LINEAR },
  start: { seed: 1 },
  recompute: mode === 'recompute',
  scratchFolder: scratchFolder!,
  threads: Number(threads),
})
const peakBytes = () =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024

let step = 0
for await (const _ of createInterface({ input: process.stdin })) {
  const work = batch()
  const start = performance.now()
  await engine.accumulate(work)
  await engine.update({
    learningRate: 1e-3,
    step: ++step,
    targets: work.targetTokens.length,
    maxGradientNorm: 1,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
  })
  const seconds = (performance.now() - start) / 1000
  process.stdout.write(`${JSON.stringify({ seconds, peakBytes: peakBytes() })}\n`)
}
await engine.close()
