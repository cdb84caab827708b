/** One stage as a child process: progress comes over IPC, the log goes to a file, the result is read from one. */
import { type ChildProcess, spawn } from 'node:child_process'
import { open, rm, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Progress, Stage, StageResult } from '@attune/crds/stage.ts'
import { ALLOCATOR_ENVIRONMENT } from '@attune/trainer/session/allocator-environment.ts'

const MAX_LOG_BYTES = 16 << 20
const MAX_RESULT_BYTES = 4 << 20

export type StagePaths = {
  readonly job: string
  readonly workspace: string
  readonly fileRoot: string
  readonly pvcRoot: string
  readonly result: string
  readonly log: string
}
export type StageEnd = {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly result: StageResult | undefined
  readonly seconds: number
}
export type StageProcess = {
  readonly pid: number | undefined
  readonly kill: (signal: 'SIGTERM' | 'SIGKILL') => void
  readonly ended: Promise<StageEnd>
}

/** @param override another program that speaks the same protocol */
export const trainerMain = (override = process.env['ATTUNE_TRAINER_MAIN']): string =>
  override || fileURLToPath(import.meta.resolve('@attune/trainer/main.ts'))

const isProgress = (value: unknown): value is Progress => {
  const progress = value as Partial<Progress> | null
  return (
    typeof progress?.stage === 'string' &&
    typeof progress.activity === 'string' &&
    Number.isFinite(progress.fraction)
  )
}

const progressOf = (message: unknown): Progress | undefined => {
  const { type, progress } = (message ?? {}) as { type?: unknown; progress?: unknown }
  return type === 'progress' && isProgress(progress) ? progress : undefined
}

const openLog = async (path: string) => {
  const size = await stat(path).then(
    found => found.size,
    () => 0,
  )
  return open(path, size > MAX_LOG_BYTES ? 'w' : 'a')
}

/** @returns undefined where a stage was killed before it wrote one */
export const readResult = async (path: string): Promise<StageResult | undefined> => {
  try {
    const handle = await open(path, 'r')
    try {
      if ((await handle.stat()).size > MAX_RESULT_BYTES) return undefined
      return JSON.parse(await handle.readFile('utf8')) as StageResult
    } finally {
      await handle.close()
    }
  } catch {
    // cut short, or not there
    return undefined
  }
}

const exitOf = (child: ChildProcess) =>
  new Promise<Pick<StageEnd, 'exitCode' | 'signal'>>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }))
  })

/** @param more options of the trainer beyond what every run needs */
export const startStage = async (
  stage: Stage,
  paths: StagePaths,
  onProgress: (progress: Progress) => void,
  more: readonly string[] = [],
): Promise<StageProcess> => {
  await rm(paths.result, { force: true })
  const log = await openLog(paths.log)
  const started = performance.now()
  const options = [
    ...['--job', paths.job, '--workspace', paths.workspace, '--file-root', paths.fileRoot],
    ...['--pvc-root', paths.pvcRoot, '--result', paths.result, '--no-server', ...more],
  ]
  const child = spawn(process.execPath, [trainerMain(), stage, ...options], {
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
    env: { ...ALLOCATOR_ENVIRONMENT, ...process.env },
  })
  child.on('message', message => {
    const progress = progressOf(message)
    if (progress) onProgress(progress)
  })
  const finish = async (): Promise<StageEnd> => {
    const exit = await exitOf(child).finally(() => log.close())
    const seconds = (performance.now() - started) / 1000
    return { ...exit, seconds, result: await readResult(paths.result) }
  }
  return { pid: child.pid, kill: signal => child.kill(signal), ended: finish() }
}
