/** Peak memory of a training step against what the planner foretells: says as much on a busy machine as on a quiet one. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { estimateMemory } from '../../trainer-image/src/plan/estimate-memory.ts'
import { replicasFor } from '../../trainer-image/src/session/replicas.ts'
import { methodOf, modelOf } from './models.ts'
import type { BenchOptions, BenchResult } from './run.ts'
import type { StepWork } from './step-work.ts'
import { startSteps, THREADS } from './steps.ts'

type Shape = Omit<StepWork, 'scratch' | 'threads' | 'document'>

/** Named as the figures are: rows, length, and what is not as in the first. */
const SHAPES: Readonly<Record<string, Shape>> = {
  '1x256': { rows: 1, length: 256 },
  '2x512': { rows: 2, length: 512 },
  '2x512-recomputed': { rows: 2, length: 512, recompute: true },
  '2x512-15-recomputed': { rows: 2, length: 512, recompute: 15 },
  '2x512-rank-64': { rows: 2, length: 512, rank: 64 },
  '1x2048': { rows: 1, length: 2048 },
  '1x2048-recomputed': { rows: 1, length: 2048, recompute: true },
  '1x4096-recomputed': { rows: 1, length: 4096, recompute: true },
  '2x512-full': { rows: 2, length: 512, full: true },
  '2x512-wide': { rows: 2, length: 512, model: 'wide' },
}
const QUICK: readonly string[] = ['1x256', '2x512-recomputed']
/** The first makes the sessions, the second all buffers there will be. */
const STEPS = 2

const foretold = (shape: Shape) => {
  const { model = 'smollm2-135m', layers, recompute = false, rows, length } = shape
  const config = modelOf(model, layers)
  const step = { config, method: methodOf(shape), recompute, rows, length }
  return estimateMemory({ ...step, replicas: replicasFor({ ...step, threads: THREADS }) })
}

const measured = async (shape: Shape, scratch: string): Promise<number> => {
  const party = startSteps({ ...shape, scratch, threads: THREADS })
  try {
    let peak = 0
    for (let step = 0; step < STEPS; step++) peak = (await party.step()).peakBytes
    return peak
  } finally {
    await party.stop()
  }
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`

export const benchMemory = async ({ quick, say }: BenchOptions): Promise<BenchResult> => {
  const scratch = await mkdtemp(join(tmpdir(), 'bench-memory-'))
  const figures: Record<string, number> = {}
  let worst = 0
  try {
    for (const [name, shape] of Object.entries(SHAPES)) {
      if (quick && !QUICK.includes(name)) continue
      const [expected, peak] = [foretold(shape), await measured(shape, scratch)]
      const error = expected / peak - 1
      worst = Math.max(worst, Math.abs(error))
      Object.assign(figures, {
        [`${name}.peakBytes`]: peak,
        [`${name}.foretoldBytes`]: Math.round(expected),
        [`${name}.error`]: Number(error.toFixed(4)),
      })
      say(
        `${name.padEnd(22)} ${gigabytes(peak)} measured  ${gigabytes(expected)} foretold  ${(100 * error).toFixed(1).padStart(6)} %`,
      )
    }
    say(`largest error ${(100 * worst).toFixed(1)} %`)
    return { ...figures, largestError: Number(worst.toFixed(4)) }
  } finally {
    await rm(scratch, { recursive: true })
  }
}
