/** From the start of a process to the end of its first step of one row of 64 tokens. Prints JSON. */
import { createTrainingEngine } from '../../trainer-image/src/session/create-training-engine.ts'
import { ALL_LINEAR, randomWeights, SMOLLM2_135M } from './random-model.ts'
import { weightsDigest } from './steps.ts'

const [scratchFolder, threads] = process.argv.slice(2)
const LENGTH = 64

const engine = await createTrainingEngine({
  config: SMOLLM2_135M,
  weights: randomWeights(SMOLLM2_135M),
  weightsDigest: weightsDigest('smollm2-135m', SMOLLM2_135M),
  method: { rank: 8, alpha: 16, targetModules: ALL_LINEAR },
  start: { seed: 1 },
  recompute: false,
  scratchFolder: scratchFolder!,
  threads: Number(threads),
})
// since the process was started, what Node itself took included
const openSeconds = performance.now() / 1000
const tokens = Int32Array.from({ length: LENGTH }, (_, i) => i)
await engine.accumulate({
  rows: 1,
  length: LENGTH,
  tokens,
  positions: tokens,
  segments: tokens.map(() => 1),
  targetPositions: tokens.slice(0, -1),
  targetTokens: tokens.slice(1),
})
const seconds = performance.now() / 1000
await engine.close()
process.stdout.write(JSON.stringify({ openSeconds, seconds }))
