/** `attune run` in a process group of its own: killed whole at a step if asked to, its largest process watched. */
import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../../cli/src/main.ts', import.meta.url))
const EVERY_MS = 500

export type Ended = { readonly code: number | null; readonly peakBytes: number }

const textOf = (path: string) => readFile(path, 'utf8').catch(() => '')

/** @returns the last whole step in any metrics.jsonl of the workspace; 0 before the first */
export const stepsDone = async (workspace: string): Promise<number> => {
  const folder = join(workspace, 'train')
  const keys = await readdir(folder).catch((): string[] => [])
  const logs = await Promise.all(keys.map(key => textOf(join(folder, key, 'metrics.jsonl'))))
  const steps = logs.flatMap(log =>
    [...log.matchAll(/"step":(\d+),/g)].map(found => Number(found[1])),
  )
  return Math.max(0, ...steps)
}

/** @returns the most memory that any process of the group has held, bytes */
const peakOf = async (group: number): Promise<number> => {
  let peak = 0
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    // after the name in parentheses: state, parent, group
    const [, , of] = (await textOf(`/proc/${pid}/stat`)).split(') ').at(-1)?.split(' ') ?? []
    if (Number(of) !== group) continue
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(await textOf(`/proc/${pid}/status`))?.[1] ?? 0
    peak = Math.max(peak, Number(kilobytes) * 1024)
  }
  return peak
}

type Run = {
  readonly manifest: string
  readonly workspace: string
  /** step at which the whole group is killed */
  readonly killAt?: number
  readonly say: (line: string) => void
}

export const attuneRun = async ({ manifest, workspace, killAt, say }: Run): Promise<Ended> => {
  const args = [CLI, 'run', manifest, '--workspace', workspace]
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.stdout.on('data', chunk => say(String(chunk).trimEnd()))
  const ended = new Promise<number | null>(resolve => child.once('close', resolve))
  let peakBytes = 0
  const runs = () => child.exitCode === null && child.signalCode === null
  while (child.pid !== undefined && runs()) {
    peakBytes = Math.max(peakBytes, await peakOf(child.pid))
    if (killAt !== undefined && (await stepsDone(workspace)) >= killAt && runs()) {
      process.kill(-child.pid, 'SIGKILL')
      await ended
    }
    await Promise.race([ended, sleep(EVERY_MS)])
  }
  return { code: await ended, peakBytes }
}
