import { execFile } from 'node:child_process'
import process from 'node:process'

export type RunOptions = {
  readonly stdin?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  /** Returns what it printed even if it failed. */
  readonly mayFail?: boolean
}

/** Runs a command and returns its standard output; a failure's error carries what it printed. */
export const run = (
  command: string,
  args: readonly string[],
  { stdin, cwd, env, timeoutMs = 120_000, mayFail = false }: RunOptions = {},
): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      { cwd, env: { ...process.env, ...env }, timeout: timeoutMs, maxBuffer: 64 * 2 ** 20 },
      (error, stdout, stderr) => {
        if (error === null || mayFail) return resolve(stdout)
        const printed = `${stderr}${stderr === '' ? stdout : ''}`.trim().slice(-4000)
        const how = error.killed === true ? `did not end in ${timeoutMs} ms` : 'failed'
        reject(
          new Error(`${command} ${args.join(' ')} ${how}: ${printed || error.message}`, {
            cause: error,
          }),
        )
      },
    )
    child.stdin?.on('error', () => {}) // the command may end without reading: its exit code tells
    child.stdin?.end(stdin ?? '')
  })
