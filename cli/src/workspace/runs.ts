/** The runs of a workspace, in `runs.json`, and the number of the next one. */
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomically } from '@attune/trainer/atomic-file.ts'
import { CliError } from '../cli-error.ts'

export type RunOutcome = 'Succeeded' | 'GatesNotPassed' | 'Failed' | 'Stopped'
export type RunRecord = {
  readonly number: number
  readonly specHash: string
  readonly startedAt: string
  readonly finishedAt?: string
  /** absent: it goes on, or it was killed */
  readonly outcome?: RunOutcome
  readonly reason?: string
  /** digest of what Prepare made of the model and the data */
  readonly prepared?: string
}
export type NextRun = { readonly number: number; readonly goesOn: boolean }

/** Further runs push out the oldest. */
const MAX_RUNS = 1000
const MAX_BYTES = 1 << 20

/** A run that stopped or broke has published nothing, so that its number is still free for the same spec. */
const mayGoOn = (run: RunRecord): boolean =>
  run.outcome !== 'Succeeded' && run.outcome !== 'GatesNotPassed'

/** @param taken numbers of `run-<n>` folders that the output has already */
export const nextRun = (
  runs: readonly RunRecord[],
  specHash: string,
  taken: readonly number[] = [],
  fresh = false,
): NextRun => {
  const last = runs.at(-1)
  if (last && !fresh && last.specHash === specHash && mayGoOn(last))
    return { number: last.number, goesOn: true }
  return {
    number: Math.max(0, ...runs.map(run => run.number), ...taken) + 1,
    goesOn: false,
  }
}

/** The last run, if it has published what this spec asks for. */
export const finishedRun = (
  runs: readonly RunRecord[],
  specHash: string,
): RunRecord | undefined => {
  const last = runs.at(-1)
  return last?.outcome === 'Succeeded' && last.specHash === specHash ? last : undefined
}

/** Adds the run, or puts it in the place of the one with its number. */
export const withRun = (runs: readonly RunRecord[], run: RunRecord): readonly RunRecord[] =>
  [...runs.filter(other => other.number !== run.number), run].slice(-MAX_RUNS)

const isRun = (value: unknown): value is RunRecord => {
  const run = value as Partial<RunRecord> | null
  return Number.isSafeInteger(run?.number) && typeof run?.specHash === 'string'
}

const path = (workspace: string) => join(workspace, 'runs.json')

const readText = async (file: string): Promise<string | undefined> => {
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!handle) return undefined
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(MAX_BYTES) })
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}

export const readRuns = async (workspace: string): Promise<readonly RunRecord[]> => {
  const text = await readText(path(workspace))
  if (text === undefined) return []
  try {
    const { runs } = JSON.parse(text) as { runs?: unknown }
    if (Array.isArray(runs) && runs.every(isRun)) return runs
  } catch (cause) {
    throw new CliError(`${path(workspace)}: not JSON; move it away to begin at run 1`, 1, { cause })
  }
  throw new CliError(`${path(workspace)}: not a list of runs; move it away to begin at run 1`)
}

export const writeRuns = (workspace: string, runs: readonly RunRecord[]): Promise<void> =>
  writeFileAtomically(path(workspace), `${JSON.stringify({ runs }, null, 2)}\n`)

/** Numbers of the `run-<n>` folders in an output folder, which may not exist yet. */
export const publishedRuns = async (folder: string): Promise<readonly number[]> => {
  const names = await readdir(folder).catch(() => [])
  return names.flatMap(name => {
    const number = /^run-([1-9][0-9]{0,8})$/.exec(name)?.[1]
    return number === undefined ? [] : [Number(number)]
  })
}
