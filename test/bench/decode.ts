/** Speed of greedy generation: SmolLM2-135M's shape in float32, prompts of 64 tokens, by prompts at once. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Party, type Step, startParty } from './party.ts'
import type { BenchOptions, BenchResult } from './run.ts'
import { here, THREADS } from './steps.ts'

const BATCHES = [1, 16, 32] as const
const ROUNDS = 3
/** of an answer */
const TOKENS = 64
const QUICK_TOKENS = 16

const attune = (scratch: string, batch: number, tokens: number): Party =>
  startParty(process.execPath, [here('./decode-work.ts'), scratch, batch, tokens, THREADS])

const torch = (peer: string, batch: number, tokens: number): Party =>
  startParty(peer, [here('./decode_peer.py'), batch, tokens, THREADS])

type Measured = { readonly tokensPerSecond: number; readonly peakBytes: number }

/** Of each party the least disturbed answer counts; the first made the buffers. */
const takeTurns = async (
  parties: Readonly<Record<string, Party>>,
  rounds: number,
  tokens: number,
): Promise<Readonly<Record<string, Measured>>> => {
  const steps: Record<string, Step[]> = {}
  try {
    for (let round = 0; round <= rounds; round++)
      for (const [name, party] of Object.entries(parties)) {
        const step = await party.step()
        if (round > 0) steps[name] = [...(steps[name] ?? []), step]
      }
  } finally {
    await Promise.all(Object.values(parties).map(party => party.stop()))
  }
  const measured = (some: readonly Step[]): Measured => ({
    tokensPerSecond: tokens / Math.min(...some.map(({ seconds }) => seconds)),
    peakBytes: Math.max(...some.map(({ peakBytes }) => peakBytes)),
  })
  return Object.fromEntries(Object.entries(steps).map(([name, some]) => [name, measured(some)]))
}

const figuresOf = (batch: number, { attune, torch }: Readonly<Record<string, Measured>>) => ({
  [`batch${batch}.tokensPerSecond`]: Number(attune!.tokensPerSecond.toFixed(1)),
  [`batch${batch}.peakBytes`]: attune!.peakBytes,
  ...(torch
    ? {
        [`batch${batch}.torchTokensPerSecond`]: Number(torch.tokensPerSecond.toFixed(1)),
        [`batch${batch}.vsTorch`]: Number(
          (attune!.tokensPerSecond / torch.tokensPerSecond).toFixed(3),
        ),
      }
    : {}),
})

export const benchDecode = async ({ peer, quick, say }: BenchOptions): Promise<BenchResult> => {
  const tokens = quick ? QUICK_TOKENS : TOKENS
  const scratch = await mkdtemp(join(tmpdir(), 'bench-decode-'))
  try {
    let figures: BenchResult = {}
    for (const batch of BATCHES) {
      const parties = {
        attune: attune(scratch, batch, tokens),
        ...(peer ? { torch: torch(peer, batch, tokens) } : {}),
      }
      const measured = await takeTurns(parties, quick ? 1 : ROUNDS, batch * tokens)
      const found = figuresOf(batch, measured)
      for (const [name, value] of Object.entries(found)) say(`${name.padEnd(30)} ${value}`)
      figures = { ...figures, ...found }
    }
    return figures
  } finally {
    await rm(scratch, { recursive: true })
  }
}
