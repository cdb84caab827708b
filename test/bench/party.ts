/** A process that makes one step of work for each line it is given, so that parties can take turns step by step. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export type Step = { readonly seconds: number; readonly peakBytes: number }
export type Party = {
  readonly step: () => Promise<Step>
  readonly stop: () => Promise<void>
}

export const startParty = (
  program: string,
  args: readonly (string | number)[],
  env: NodeJS.ProcessEnv = {},
): Party => {
  const child = spawn(program, args.map(String), {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let errors = ''
  child.stderr.on('data', chunk => {
    errors = (errors + String(chunk)).slice(-4_000)
  })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const step = async (): Promise<Step> => {
    child.stdin.write('\n')
    const { value, done } = await lines.next()
    if (done) throw new Error(`${program} ${args.join(' ')} ended: ${errors.trim()}`)
    return JSON.parse(value) as Step
  }
  const stop = async () => {
    child.stdin.end()
    await ended
  }
  return { step, stop }
}
