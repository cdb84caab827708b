/** What is told of a failure: one line, without a stack trace. */
import { printable } from '@attune/crds/printable.ts'
import { EXIT, type StageResult } from '@attune/crds/stage.ts'
import { wantOfMemory } from './out-of-memory.ts'
import { type ExitCode, StageError, StageStopped } from './stage-error.ts'

const MESSAGE_MAX = 1024

const oneLine = (text: string) => printable(text.replace(/\s+/g, ' ')).trim().slice(0, MESSAGE_MAX)

export type Failure = Pick<StageResult, 'outcome' | 'reason' | 'message'> & {
  readonly exitCode: ExitCode
}

const unforeseen = (message: string): Failure => {
  const want = wantOfMemory(message)
  if (want === undefined)
    return { outcome: 'Failed', reason: 'StageFailed', message, exitCode: EXIT.retryable }
  return {
    outcome: 'Failed',
    reason: 'OutOfMemory',
    message: `memory of the accelerator or of the pod ran out (${want}); lower training.microBatchSize or training.sequenceLength, set training.gradientCheckpointing: Enabled, or give it more memory`,
    exitCode: EXIT.outOfMemory,
  }
}

/** A stop is told here too: it comes by an exception as well. */
export const failureOf = (error: unknown): Failure => {
  const message = oneLine(error instanceof Error ? error.message || error.name : String(error))
  if (error instanceof StageStopped) return { outcome: 'Stopped', message, exitCode: EXIT.stopped }
  if (!(error instanceof StageError)) return unforeseen(message)
  const { reason, exitCode } = error
  return { outcome: 'Failed', reason, message, exitCode }
}
