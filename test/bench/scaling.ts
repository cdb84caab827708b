/** Speed and memory of a training step as rows, adapter and model grow. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Step } from './party.ts'
import type { BenchOptions, BenchResult } from './run.ts'
import { scalingSvg } from './scaling-svg.ts'
import type { StepWork } from './step-work.ts'
import { startSteps, THREADS } from './steps.ts'

type Sweep = {
  readonly title: string
  readonly values: readonly number[]
  readonly quick: readonly number[]
  readonly work: (value: number) => Omit<StepWork, 'scratch' | 'threads'>
}

/** A row each as long as it is, and micro-batches of as many tokens for what does not depend on the length. */
const SWEEPS: Readonly<Record<string, Sweep>> = {
  length: {
    title: 'tokens a row',
    values: [128, 256, 512, 1024, 2048, 4096, 8192],
    quick: [128, 256, 512],
    work: length => ({ rows: 1, length, recompute: true }),
  },
  rank: {
    title: 'rank',
    values: [4, 8, 16, 32, 64, 128],
    quick: [4, 64],
    work: rank => ({ rows: 2, length: 256, rank }),
  },
  layers: {
    title: 'layers',
    values: [6, 12, 18, 24, 30],
    quick: [6, 12],
    work: layers => ({ rows: 2, length: 256, layers }),
  },
}
/** Of which the first, with all that is made once, does not count. */
const STEPS = 4
const QUICK_STEPS = 2

export type Point = {
  readonly value: number
  readonly tokensPerSecond: number
  readonly peakBytes: number
}
export type Curve = { readonly title: string; readonly points: readonly Point[] }

/** The least disturbed step counts. */
const pointOf = (value: number, tokens: number, steps: readonly Step[]): Point => ({
  value,
  tokensPerSecond: tokens / Math.min(...steps.slice(1).map(({ seconds }) => seconds)),
  peakBytes: Math.max(...steps.map(({ peakBytes }) => peakBytes)),
})

const measure = async (sweep: Sweep, value: number, scratch: string, count: number) => {
  const work = sweep.work(value)
  const party = startSteps({ ...work, scratch, threads: THREADS })
  try {
    const steps: Step[] = []
    for (let step = 0; step < count; step++) steps.push(await party.step())
    return pointOf(value, work.rows * work.length, steps)
  } finally {
    await party.stop()
  }
}

const figuresOf = (name: string, { points }: Curve): BenchResult =>
  Object.fromEntries(
    points.flatMap(({ value, tokensPerSecond, peakBytes }) => [
      [`${name}.${value}.tokensPerSecond`, Number(tokensPerSecond.toFixed(1))],
      [`${name}.${value}.peakBytes`, peakBytes],
    ]),
  )

export const benchScaling = async ({ quick, plot, say }: BenchOptions): Promise<BenchResult> => {
  const scratch = await mkdtemp(join(tmpdir(), 'bench-scaling-'))
  const curves: Record<string, Curve> = {}
  try {
    for (const [name, sweep] of Object.entries(SWEEPS)) {
      const points: Point[] = []
      for (const value of quick ? sweep.quick : sweep.values) {
        const point = await measure(sweep, value, scratch, quick ? QUICK_STEPS : STEPS)
        points.push(point)
        say(
          `${sweep.title.padEnd(14)} ${String(value).padStart(5)}  ${point.tokensPerSecond.toFixed(0).padStart(5)} tokens/s  ${(point.peakBytes / 1e9).toFixed(2)} GB peak`,
        )
      }
      curves[name] = { title: sweep.title, points }
    }
  } finally {
    await rm(scratch, { recursive: true })
  }
  if (plot) await writeFile(plot, scalingSvg(Object.values(curves)))
  return Object.assign({}, ...Object.entries(curves).map(([name, curve]) => figuresOf(name, curve)))
}
