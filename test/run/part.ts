import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { repositoryFolder } from '../cluster/paths.ts'
import { startSharedControlPlane } from '../cluster/shared-control-plane.ts'
import { type Counts, noCounts } from './counts.ts'
import { filesOf, type PartName, parts } from './parts.ts'
import { reportTap } from './report.ts'
import { tapProgram } from './tap-program.ts'

type TapRun = {
  readonly part: PartName
  readonly files: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

const argsOf = ({ part, files }: TapRun): string[] => {
  const { jobs, timeoutSeconds } = parts[part]
  const options = [`--jobs=${jobs}`, `--timeout=${timeoutSeconds}`, '--reporter=tap', '--no-color']
  return [tapProgram, 'run', ...options, ...files]
}

const runTap = async (options: TapRun): Promise<Counts> => {
  const { env, signal } = options
  const child = spawn(process.execPath, argsOf(options), {
    cwd: repositoryFolder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  const forward = (): boolean => child.kill('SIGTERM')
  signal.addEventListener('abort', forward)
  try {
    const closed = once(child, 'close')
    const counts = await reportTap(child.stdout, text => process.stdout.write(text))
    const [code] = await closed
    // tap can fail without a failed assertion, such as when a file does not load.
    return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
  } finally {
    signal.removeEventListener('abort', forward)
  }
}

/** Test files of the control plane share one; those that restart it start their own. */
const withEnvironment = async <T>(
  part: PartName,
  work: (env: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> => {
  if (part !== 'control-plane') return work({})
  const plane = await startSharedControlPlane()
  try {
    return await work({ ATTUNE_TEST_KUBECONFIG: plane.kubeconfig })
  } finally {
    await plane.stop()
  }
}

/** Runs one part of the suite and counts its assertions. */
export const runPart = async (part: PartName, signal: AbortSignal): Promise<Counts> => {
  const files = filesOf(part)
  if (files.length === 0) return noCounts
  process.stdout.write(`\n== ${part}: ${files.length} test files\n`)
  return withEnvironment(part, env => runTap({ part, files, env, signal }))
}
