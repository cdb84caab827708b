/**
 * One party of a benchmark of training steps, in a process of its own, so that peak memory is its alone: makes a step for
 * each line of standard input, and prints `{seconds, peakBytes}` of it as a line of JSON. Its argument is a `StepWork`.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createTrainingEngine } from '../../trainer-image/src/session/create-training-engine.ts'
import { replicasFor } from '../../trainer-image/src/session/replicas.ts'
import type { MicroBatch } from '../../trainer-image/src/session/training-engine.ts'
import { methodOf, type ModelName, modelOf } from './models.ts'
import { randomWeights } from './random-model.ts'
import { weightsDigest } from './steps.ts'

export type StepWork = {
  readonly scratch: string
  readonly threads: number
  readonly rows: number
  readonly length: number
  /** tokens of each of the documents that a row is packed of; one document if absent */
  readonly document?: number
  readonly rank?: number
  /** all weights are trained, and no adapter */
  readonly full?: boolean
  readonly recompute?: boolean | number
  readonly model?: ModelName
  readonly layers?: number
}

const work = JSON.parse(process.argv[2]!) as StepWork
const { rows, length, threads, model = 'smollm2-135m', layers, recompute = false } = work
const config = modelOf(model, layers)
const method = methodOf(work)

/** All tokens in the loss but the first of each document. */
const batch = (): MicroBatch => {
  const size = rows * length
  const document = work.document ?? length
  const within = (i: number) => (i % length) % document
  const tokens = Int32Array.from({ length: size }, (_, i) => (i * 7919 + 13) % config.vocabSize)
  const targetPositions = Int32Array.from({ length: size }, (_, i) => i).filter(
    i => (i + 1) % length !== 0 && within(i + 1) !== 0,
  )
  return {
    rows,
    length,
    tokens,
    positions: tokens.map((_, i) => within(i)),
    segments: tokens.map((_, i) => 1 + Math.floor((i % length) / document)),
    targetPositions,
    targetTokens: targetPositions.map(position => tokens[position + 1]!),
  }
}

const started = performance.now()
const engine = await createTrainingEngine({
  config,
  weights: randomWeights(config),
  weightsDigest: weightsDigest(model, config),
  method,
  start: { seed: 1 },
  recompute,
  scratchFolder: work.scratch,
  threads,
  replicas: replicasFor({ config, method, recompute, rows, threads }),
})
const peakBytes = () =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024

let step = 0
for await (const _ of createInterface({ input: process.stdin })) {
  const micro = batch()
  // the first step is told with all that came before it
  const start = step === 0 ? started : performance.now()
  await engine.accumulate(micro)
  await engine.update({
    learningRate: 1e-3,
    step: ++step,
    targets: micro.targetTokens.length,
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
