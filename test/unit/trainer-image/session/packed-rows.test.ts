/** Rows longer than a block of queries: what lies between packed documents is left out of attention. */
import t from 'tap'
import type { ModelConfig, Weights } from '../../../../trainer-image/src/model/config.ts'
import { weightShapes } from '../../../../trainer-image/src/model/linear-layers.ts'
import { createTrainingEngine } from '../../../../trainer-image/src/session/create-training-engine.ts'
import type {
  MicroBatch,
  TrainingEngine,
} from '../../../../trainer-image/src/session/training-engine.ts'

const TOLERANCE = 1e-5

const config: ModelConfig = {
  architecture: 'llama',
  vocabSize: 64,
  hiddenSize: 16,
  intermediateSize: 24,
  layers: 2,
  heads: 4,
  kvHeads: [2, 1],
  headDim: 4,
  rmsNormEpsilon: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 1024,
  tieWordEmbeddings: true,
  eosTokenIds: [2],
}

/** Large enough that where a query looks shows in the loss. */
const weights = (): Weights => {
  const shapes = new Map(weightShapes(config).map(({ name, shape }) => [name, shape]))
  return {
    names: [...shapes.keys()],
    shape: name => shapes.get(name)!,
    read: async name => {
      const shape = shapes.get(name)!
      const size = shape.reduce((a, b) => a * b, 1)
      if (shape.length === 1) return new Float32Array(size).fill(1)
      return Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898 + name.length))
    },
    close: async () => {},
  }
}

/** Rows of documents of these lengths, padded to the longest row. */
const batchOf = (rows: readonly (readonly number[])[]): MicroBatch => {
  const used = rows.map(lengths => lengths.reduce((a, b) => a + b, 0))
  const length = Math.max(...used)
  const size = rows.length * length
  const [positions, segments] = [new Int32Array(size), new Int32Array(size)]
  const tokens = new Int32Array(size)
  const targets: number[] = []
  for (const [row, lengths] of rows.entries()) {
    let at = row * length
    for (const [document, n] of lengths.entries())
      for (let i = 0; i < n; i++, at++) {
        positions[at] = i
        segments[at] = document + 1
        tokens[at] = (n * 31 + i * 7) % config.vocabSize
        if (i + 1 < n) targets.push(at)
      }
  }
  const targetPositions = Int32Array.from(targets)
  const targetTokens = targetPositions.map(at => tokens[at + 1]!)
  return { rows: rows.length, length, tokens, positions, segments, targetPositions, targetTokens }
}

const engineIn = (folder: string, recompute: boolean | number): Promise<TrainingEngine> =>
  createTrainingEngine({
    config,
    weights: weights(),
    method: { rank: 2, alpha: 4, targetModules: ['q_proj', 'v_proj', 'down_proj'] },
    start: { seed: 7 },
    recompute,
    scratchFolder: folder,
    threads: 2,
  })

/** @returns the loss, and the norm of the gradients after a first update has made B differ from 0 */
const measure = async (engine: TrainingEngine, batches: readonly MicroBatch[]) => {
  const update = { learningRate: 0.05, maxGradientNorm: 1e9, beta1: 0.9, beta2: 0.999 }
  const run = async (step: number) => {
    let lossSum = 0
    for (const batch of batches) lossSum += (await engine.accumulate(batch)).lossSum
    const targets = batches.reduce((sum, batch) => sum + batch.targetTokens.length, 0)
    const rest = { step, targets, epsilon: 1e-8, weightDecay: 0 }
    const { gradientNorm } = await engine.update({ ...update, ...rest })
    return [lossSum / targets, gradientNorm] as const
  }
  return [...(await run(1)), ...(await run(2))]
}

const DOCUMENTS = [150, 40, 200, 90, 60, 130]
/** Rows of 390 and 280, and one that is longer than 512, in which probabilities are made again. */
const PACKINGS = {
  'two rows': [
    [150, 40, 200],
    [90, 60, 130],
  ],
  'one long row': [[150, 40, 200, 90, 60, 130]],
}

t.test('packed documents give the loss and the gradients of documents alone', async t => {
  const alone = await engineIn(t.testdir({}), false)
  const expected = await measure(
    alone,
    DOCUMENTS.map(length => batchOf([[length]])),
  )
  await alone.close()
  for (const [name, rows] of Object.entries(PACKINGS))
    for (const recompute of [false, true, 1]) {
      const engine = await engineIn(t.testdir({}), recompute)
      const found = await measure(engine, [batchOf(rows)])
      await engine.close()
      const differences = found.map((value, i) => Math.abs(value / expected[i]! - 1))
      t.ok(Math.max(...differences) < TOLERANCE, `${name}, recompute ${recompute}: ${differences}`)
    }
})
