/** Speed and memory of LoRA training: SmolLM2-135M's shape, rank 8 on all linear layers, all tokens in the loss. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { weightShapes } from '../../trainer-image/src/model/linear-layers.ts'
import { storeWeights } from '../../trainer-image/src/session/weights-file.ts'
import { type Party, type Step, startParty } from './party.ts'
import { randomWeights, SMOLLM2_135M } from './random-model.ts'
import type { BenchOptions, BenchResult } from './run.ts'
import { here, startSteps, THREADS, weightsDigest } from './steps.ts'

/** All parties live at once and take turns; the first step of a turn brings back what the kernel took meanwhile. */
const ROUNDS = 5
const STEPS = 4
const MATMUL_RUNS = 3
const SHORT = { rows: 2, length: 512 }
const LONG = { rows: 1, length: 2048 }

type Shape = { readonly rows: number; readonly length: number }
type Measured = { readonly tokensPerSecond: number; readonly peakBytes: number }

const WORK = {
  short: { name: 'attune, B=2 T=512', shape: SHORT },
  fp32: { name: 'torch + PEFT, fp32, B=2 T=512', shape: SHORT, dtype: 'float32' },
  bf16: { name: 'torch + PEFT, bf16, B=2 T=512', shape: SHORT, dtype: 'bfloat16' },
  long: { name: 'attune, B=1 T=2048', shape: LONG },
  again: { name: 'attune, B=2 T=512, layers recomputed', shape: SHORT, recompute: true },
} as const
type WorkName = keyof typeof WORK

const partyOf = (name: WorkName, scratch: string, peer: string | undefined): Party => {
  const work = WORK[name]
  const { rows, length } = work.shape
  if ('dtype' in work)
    return startParty(peer!, [here('./trainer_peer.py'), rows, length, THREADS, work.dtype])
  const recompute = 'recompute' in work && work.recompute
  return startSteps({ scratch, threads: THREADS, rows, length, recompute })
}

/** Leaves the code compiled, as a user does from the second start on: else some parties compile it and others do not. */
const compileOnce = async (scratch: string): Promise<void> => {
  const party = startSteps({ scratch, threads: THREADS, rows: 1, length: 64 })
  try {
    await party.step()
  } finally {
    await party.stop()
  }
}

/** Of each party the least disturbed step counts. */
const measured = ({ rows, length }: Shape, steps: readonly Step[]): Measured => ({
  tokensPerSecond: (rows * length) / Math.min(...steps.map(({ seconds }) => seconds)),
  peakBytes: Math.max(...steps.map(({ peakBytes }) => peakBytes)),
})

const matMulRate = async (): Promise<number> => {
  const args = [here('./matmul-work.ts'), SHORT.rows * SHORT.length, MATMUL_RUNS, THREADS]
  const { stdout } = await promisify(execFile)(process.execPath, args.map(String))
  return (JSON.parse(stdout) as { readonly flopsPerSecond: number }).flopsPerSecond
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
  `${name.padEnd(40)} ${tokensPerSecond.toFixed(0).padStart(5)} tokens/s  ${gigabytes(peakBytes).padStart(8)} peak`

const round = (value: number) => Number(value.toFixed(4))

type Of = (name: WorkName) => Measured

const ratios = (of: Of) => {
  const [short, fp32, bf16] = [of('short'), of('fp32'), of('bf16')]
  return {
    tokensPerSecondVsTorchFp32: round(short.tokensPerSecond / fp32.tokensPerSecond),
    tokensPerSecondVsTorchBf16: round(short.tokensPerSecond / bf16.tokensPerSecond),
    rssVsTorchFp32: round(short.peakBytes / fp32.peakBytes),
    recomputedRssVsTorchFp32: round(of('again').peakBytes / fp32.peakBytes),
  }
}

const takeTurns = async (scratch: string, peer: string | undefined, say: BenchOptions['say']) => {
  const names = (Object.keys(WORK) as WorkName[]).filter(name => peer || !('dtype' in WORK[name]))
  const parties = names.map(name => ({
    name,
    party: partyOf(name, scratch, peer),
    steps: [] as Step[],
  }))
  const rates: number[] = []
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      for (const { name, party, steps } of parties) {
        const turn: Step[] = []
        for (let step = 1; step <= STEPS; step++) turn.push(await party.step())
        steps.push(...turn)
        const seconds = turn.map(step => step.seconds.toFixed(2).padStart(6)).join('')
        say(`round ${round} of ${ROUNDS}  ${WORK[name].name.padEnd(38)}${seconds} s`)
      }
      rates.push(await matMulRate())
    }
  } finally {
    await Promise.all(parties.map(({ party }) => party.stop()))
  }
  const of = (name: WorkName) =>
    measured(WORK[name].shape, parties.find(party => party.name === name)!.steps)
  return { names, of, flopsPerSecond: Math.max(...rates) }
}

export const benchTrainer = async ({ peer, say }: BenchOptions): Promise<BenchResult> => {
  const scratch = await mkdtemp(join(tmpdir(), 'bench-trainer-'))
  try {
    const weights = randomWeights(SMOLLM2_135M)
    const digest = weightsDigest('smollm2-135m', SMOLLM2_135M)
    await storeWeights({ folder: scratch, config: SMOLLM2_135M, weights, digest })
    await compileOnce(scratch)
    const { names, of, flopsPerSecond } = await takeTurns(scratch, peer, say)
    for (const name of names) say(row(WORK[name].name, of(name)))
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
      ...(peer ? ratios(of) : {}),
    }
    for (const [name, value] of Object.entries(figures)) say(`${name.padEnd(30)} ${value}`)
    return figures
  } finally {
    await rm(scratch, { recursive: true })
  }
}
