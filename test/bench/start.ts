/** Time from the start of a process to its first step, with the weights file to be written and with it there. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { BenchOptions, BenchResult } from './run.ts'
import { here, THREADS } from './steps.ts'

const RUNS = 3

type Start = { readonly openSeconds: number; readonly seconds: number }

const start = async (scratch: string): Promise<Start> => {
  const args = [here('./start-work.ts'), scratch, String(THREADS)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout) as Start
}

export const benchStart = async ({ quick, say }: BenchOptions): Promise<BenchResult> => {
  const best = { anew: Number.POSITIVE_INFINITY, again: Number.POSITIVE_INFINITY }
  for (let run = 0; run < (quick ? 1 : RUNS); run++) {
    const scratch = await mkdtemp(join(tmpdir(), 'bench-start-'))
    try {
      for (const name of ['anew', 'again'] as const) {
        const { openSeconds, seconds } = await start(scratch)
        best[name] = Math.min(best[name], seconds)
        const what = name === 'anew' ? 'weights written first' : 'weights there'
        say(
          `${what.padEnd(22)} engine ${openSeconds.toFixed(1)} s  first step ${seconds.toFixed(1)} s`,
        )
      }
    } finally {
      await rm(scratch, { recursive: true })
    }
  }
  return {
    firstStepSeconds: Number(best.anew.toFixed(2)),
    firstStepSecondsWithWeights: Number(best.again.toFixed(2)),
  }
}
