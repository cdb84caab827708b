import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { startControlPlane } from '../cluster/control-plane.ts'
import { repositoryFolder } from '../cluster/paths.ts'
import { type Counts, countTap, noCounts } from './counts.ts'
import { filesOf, type PartName, parts } from './parts.ts'

const tapProgram = join(repositoryFolder, 'node_modules', 'tap', 'dist', 'esm', 'run.mjs')

type TapRun = {
  readonly part: PartName
  readonly files: readonly string[]
  readonly tapFile: string
  readonly env: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

const runTap = ({ part, files, tapFile, env, signal }: TapRun): Promise<number> =>
  new Promise((resolve, reject) => {
    const { jobs, timeoutSeconds } = parts[part]
    const args = [
      tapProgram,
      'run',
      `--jobs=${jobs}`,
      `--timeout=${timeoutSeconds}`,
      `--reporter=${process.stdout.isTTY ? 'base' : 'terse'}`,
      `--output-file=${tapFile}`,
      ...files,
    ]
    const child = spawn(process.execPath, args, {
      cwd: repositoryFolder,
      stdio: 'inherit',
      env: { ...process.env, ...env },
    })
    const forward = (): boolean => child.kill('SIGTERM')
    signal.addEventListener('abort', forward)
    child.on('error', reject)
    child.on('close', code => {
      signal.removeEventListener('abort', forward)
      resolve(code ?? 1)
    })
  })

/** Test files of the control plane share one; those that restart it start their own. */
const withEnvironment = async <T>(
  part: PartName,
  work: (env: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> => {
  if (part !== 'control-plane') return work({})
  const plane = await startControlPlane({ controllerManager: true })
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
  const folder = mkdtempSync(join(tmpdir(), 'attune-tap-'))
  try {
    const tapFile = join(folder, 'output.tap')
    const code = await withEnvironment(part, env => runTap({ part, files, tapFile, env, signal }))
    const counts = await countTap(tapFile)
    // tap can fail without a failed assertion, such as when a file does not load.
    return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
