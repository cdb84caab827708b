/** What the end of a stage process means; pure. */
import type { Reason } from '@attune/crds/conditions.ts'
import { EXIT, type Stage } from '@attune/crds/stage.ts'
import type { StageEnd } from './stage-process.ts'

export type Verdict =
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'stopped'; readonly by?: NodeJS.Signals }
  | {
      readonly kind: 'failed'
      readonly reason: Reason
      readonly message: string
      readonly exitCode: number
    }

/** As a shell reports a process that a signal ended. */
const SIGNALLED = 128
const SIGKILL = 9

/** @param asked whether we asked it to stop: before it listens, a signal simply ends it */
export const stageVerdict = (stage: Stage, end: StageEnd, asked: boolean): Verdict => {
  const { exitCode, signal, result } = end
  if (exitCode === EXIT.stopped) return { kind: 'stopped' }
  if (asked && signal !== null) return { kind: 'stopped', by: signal }
  if (exitCode === EXIT.ok && result?.outcome === 'Succeeded') return { kind: 'succeeded' }
  if (result?.outcome === 'Failed' && result.reason) {
    const message = result.message ?? 'no message'
    return { kind: 'failed', reason: result.reason, message, exitCode: exitCode || EXIT.retryable }
  }
  if (signal === 'SIGKILL')
    return {
      kind: 'failed',
      reason: 'OutOfMemory',
      message: `${stage} was killed, most likely for want of memory; lower spec.training.microBatchSize or sequenceLength`,
      exitCode: SIGNALLED + SIGKILL,
    }
  return {
    kind: 'failed',
    reason: 'StageFailed',
    message: `${stage} ended with ${signal ?? `exit code ${exitCode}`} and left no result`,
    exitCode: exitCode || EXIT.retryable,
  }
}
