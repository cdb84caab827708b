/** Speed and memory of LoRA training: SmolLM2-135M's shape, rank 8 on all linear layers, all tokens in the loss. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { weightShapes } from '../../trainer-image/src/model/linear-layers.ts'
import { storeWeights } from '../../trainer-image/src/session/weights-file.ts'
import { randomWeights, SMOLLM2_135M } from './random-model.ts'
import type { BenchOptions, BenchResult } from './run.ts'

/** Each measurement is made so often, by turns with the others, and the least disturbed counts. */
const ROUNDS = 2
const STEPS = 3
const MATMUL_RUNS = 5
const SHORT = { rows: 2, length: 512 }
const LONG = { rows: 1, length: 2048 }
const THREADS = availableParallelism()

type Shape = { readonly rows: number; readonly length: number }
type Work = { readonly seconds: readonly number[]; readonly peakBytes: number }
type Measured = { readonly tokensPerSecond: number; readonly peakBytes: number }

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const child = async <T>(program: string, ...args: readonly (string | number)[]): Promise<T> => {
  const { stdout } = await promisify(execFile)(program, args.map(String))
  return JSON.parse(stdout) as T
}

/** The first step warms up; of the others the least disturbed counts. */
const measured = ({ rows, length }: Shape, { seconds, peakBytes }: Work): Measured => ({
  tokensPerSecond: (rows * length) / Math.min(...seconds.slice(1)),
  peakBytes,
})

const ours = async (scratch: string, shape: Shape, recompute = false) => {
  const mode = recompute ? 'recompute' : 'keep'
  const args = [scratch, shape.rows, shape.length, STEPS, THREADS, mode]
  return measured(shape, await child<Work>(process.execPath, here('./trainer-work.ts'), ...args))
}

const best = (rounds: readonly Measured[]): Measured => ({
  tokensPerSecond: Math.max(...rounds.map(round => round.tokensPerSecond)),
  peakBytes: Math.max(...rounds.map(round => round.peakBytes)),
})

const theirs = async (peer: string, shape: Shape, dtype: string) => {
  const args = [shape.rows, shape.length, STEPS, THREADS, dtype]
  return measured(shape, await child<Work>(peer, here('./trainer_peer.py'), ...args))
}

/** 4 a frozen parameter and token (forward and dx), and 12 an attended key, head and its size */
const flopsPerToken = (length: number): number => {
  const { layers, heads, headDim } = SMOLLM2_135M
  const parameters = weightShapes(SMOLLM2_135M)
    .filter(({ shape }) => shape.length === 2)
    .reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0)
  return 4 * parameters + 12 * layers * heads * headDim * ((length + 1) / 2)
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`
const row = (name: string, { tokensPerSecond, peakBytes }: Measured) =>
  `${name.padEnd(44)} ${tokensPerSecond.toFixed(0).padStart(6)} tokens/s  ${gigabytes(peakBytes).padStart(8)} peak`

const round = (value: number) => Number(value.toFixed(4))

const ratios = (short: Measured, again: Measured, fp32: Measured, bf16: Measured) => ({
  tokensPerSecondVsTorchFp32: round(short.tokensPerSecond / fp32.tokensPerSecond),
  tokensPerSecondVsTorchBf16: round(short.tokensPerSecond / bf16.tokensPerSecond),
  rssVsTorchFp32: round(short.peakBytes / fp32.peakBytes),
  recomputedRssVsTorchFp32: round(again.peakBytes / fp32.peakBytes),
})

const WORK = {
  short: { name: 'attune, B=2 T=512', shape: SHORT },
  long: { name: 'attune, B=1 T=2048', shape: LONG },
  again: { name: 'attune, B=2 T=512, layers recomputed', shape: SHORT, recompute: true },
  fp32: { name: 'torch + PEFT, fp32, B=2 T=512', shape: SHORT, dtype: 'float32' },
  bf16: { name: 'torch + PEFT, bf16, B=2 T=512', shape: SHORT, dtype: 'bfloat16' },
} as const
type WorkName = keyof typeof WORK

const measureAll = async (scratch: string, peer: string | undefined, say: BenchOptions['say']) => {
  const names = (Object.keys(WORK) as WorkName[]).filter(name => peer || !('dtype' in WORK[name]))
  const rounds = new Map<WorkName, Measured[]>(names.map(name => [name, []]))
  const rates: number[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    for (const name of names) {
      const work = WORK[name]
      const made =
        'dtype' in work
          ? await theirs(peer!, work.shape, work.dtype)
          : await ours(scratch, work.shape, 'recompute' in work)
      rounds.get(name)!.push(made)
      say(`${round}/${ROUNDS} ${row(work.name, made)}`)
    }
    const product = [here('./matmul-work.ts'), SHORT.rows * SHORT.length, MATMUL_RUNS, THREADS]
    const made = await child<{ flopsPerSecond: number }>(process.execPath, ...product)
    rates.push(made.flopsPerSecond)
  }
  const of = (name: WorkName) => best(rounds.get(name) ?? [])
  return { of, flopsPerSecond: Math.max(...rates) }
}

export const benchTrainer = async ({ peer, say }: BenchOptions): Promise<BenchResult> => {
  const scratch = await mkdtemp(join(tmpdir(), 'bench-trainer-'))
  try {
    const weights = randomWeights(SMOLLM2_135M)
    await storeWeights({ folder: scratch, config: SMOLLM2_135M, weights, digest: 'random' })
    const { of, flopsPerSecond } = await measureAll(scratch, peer, say)
    const [short, long, again] = [of('short'), of('long'), of('again')]
    const share = (short.tokensPerSecond * flopsPerToken(SHORT.length)) / flopsPerSecond
    const figures = {
      tokensPerSecond: round(short.tokensPerSecond),
      longTokensPerSecond: round(long.tokensPerSecond),
      recomputedTokensPerSecond: round(again.tokensPerSecond),
      peakBytes: short.peakBytes,
      longPeakBytes: long.peakBytes,
      recomputedPeakBytes: again.peakBytes,
      matMulGigaflopsPerSecond: round(flopsPerSecond / 1e9),
      longVsShort: round(long.tokensPerSecond / short.tokensPerSecond),
      shareOfMatMulRate: round(share),
      ...(peer ? ratios(short, again, of('fp32'), of('bf16')) : {}),
    }
    for (const [name, value] of Object.entries(figures)) say(`${name.padEnd(30)} ${value}`)
    return figures
  } finally {
    await rm(scratch, { recursive: true })
  }
}
