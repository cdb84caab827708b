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

const STEPS = 4
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

const theirs = async (peer: string, shape: Shape, dtype: string) => {
  const args = [shape.rows, shape.length, STEPS - 1, THREADS, dtype]
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

const againstPeer = async (peer: string, short: Measured, say: BenchOptions['say']) => {
  const fp32 = await theirs(peer, SHORT, 'float32')
  say(row('torch + PEFT, fp32, B=2 T=512', fp32))
  const bf16 = await theirs(peer, SHORT, 'bfloat16')
  say(row('torch + PEFT, bf16, B=2 T=512', bf16))
  const ratios = {
    tokensPerSecondVsTorchFp32: round(short.tokensPerSecond / fp32.tokensPerSecond),
    tokensPerSecondVsTorchBf16: round(short.tokensPerSecond / bf16.tokensPerSecond),
    rssVsTorchFp32: round(short.peakBytes / fp32.peakBytes),
  }
  say(`tokens/s against torch fp32 ${ratios.tokensPerSecondVsTorchFp32}`)
  say(`tokens/s against torch bf16 ${ratios.tokensPerSecondVsTorchBf16}`)
  say(`peak memory against torch fp32 ${ratios.rssVsTorchFp32}`)
  return ratios
}

export const benchTrainer = async ({ peer, say }: BenchOptions): Promise<BenchResult> => {
  const scratch = await mkdtemp(join(tmpdir(), 'bench-trainer-'))
  try {
    const weights = randomWeights(SMOLLM2_135M)
    await storeWeights({ folder: scratch, config: SMOLLM2_135M, weights, digest: 'random' })
    const short = await ours(scratch, SHORT)
    say(row('attune, B=2 T=512', short))
    const product = [here('./matmul-work.ts'), SHORT.rows * SHORT.length, MATMUL_RUNS, THREADS]
    const { flopsPerSecond } = await child<{ flopsPerSecond: number }>(process.execPath, ...product)
    const long = await ours(scratch, LONG)
    say(row('attune, B=1 T=2048', long))
    const again = await ours(scratch, SHORT, true)
    say(row('attune, B=2 T=512, layers recomputed', again))
    const figures = {
      tokensPerSecond: round(short.tokensPerSecond),
      longTokensPerSecond: round(long.tokensPerSecond),
      recomputedTokensPerSecond: round(again.tokensPerSecond),
      peakBytes: short.peakBytes,
      longPeakBytes: long.peakBytes,
      recomputedPeakBytes: again.peakBytes,
      matMulGigaflopsPerSecond: round(flopsPerSecond / 1e9),
      longVsShort: round(long.tokensPerSecond / short.tokensPerSecond),
      shareOfMatMulRate: round(
        (short.tokensPerSecond * flopsPerToken(SHORT.length)) / flopsPerSecond,
      ),
    }
    say(`MatMul alone at these shapes ${figures.matMulGigaflopsPerSecond} GFLOP/s`)
    say(`share of it ${figures.shareOfMatMulRate}`)
    say(`T=2048 against T=512 ${figures.longVsShort}`)
    return { ...figures, ...(peer ? await againstPeer(peer, short, say) : {}) }
  } finally {
    await rm(scratch, { recursive: true })
  }
}
