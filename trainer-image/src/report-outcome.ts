/** Tells the starter how a stage ended, once, and ends the process. */
import { writeFileSync } from 'node:fs'
import { EXIT, type TrainerStage } from '@attune/crds/stage.ts'
import { writeFileAtomically } from './atomic-file.ts'
import type { StageRun } from './run-stage.ts'
import { StageError } from './stage-error.ts'
import { failureOf } from './stage-failure.ts'
import { terminationMessage } from './termination-message.ts'

export type Places = {
  /** file for the result as JSON */
  readonly result?: string
  /** file for the same, cut to 4 KiB */
  readonly terminationLog?: string
}

/** Of a stage that did not come to a result of its own. */
export const failedRun = (stage: TrainerStage, error: unknown): StageRun => {
  const { exitCode, ...why } = failureOf(error)
  return { result: { stage, key: '', seconds: 0, ...why }, exitCode }
}

const writeResult = async (run: StageRun, path: string): Promise<StageRun> => {
  const { stage } = run.result
  try {
    await writeFileAtomically(path, `${JSON.stringify(run.result)}\n`)
    return run
  } catch (cause) {
    const { code = String(cause) } = cause as NodeJS.ErrnoException
    // where the stage failed too, that is what has to be mended
    if (run.result.outcome === 'Failed') return run
    const message = `the result cannot be written to ${path} (${code}); give another file`
    return failedRun(stage, new StageError('StageFailed', EXIT.retryable, message, { cause }))
  }
}

/** @returns a function that does not return; what is told after the first time is not told any more */
export const outcomeReporter = ({ result: path, terminationLog }: Places) => {
  let isTold = false
  return async (run: StageRun): Promise<void> => {
    if (isTold) return
    isTold = true
    const { result, exitCode } = path === undefined ? run : await writeResult(run, path)
    if (result.outcome === 'Failed') process.stderr.write(`${result.reason}: ${result.message}\n`)
    try {
      // the kubelet mounts this file; it cannot be replaced by a rename
      if (terminationLog) writeFileSync(terminationLog, terminationMessage(result))
    } catch (error) {
      process.stderr.write(
        `the termination message cannot be written: ${failureOf(error).message}\n`,
      )
    }
    if (process.connected) process.disconnect()
    process.exit(exitCode)
  }
}
