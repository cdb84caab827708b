/** Messages for a run that did not reach its end. */
import { relative } from 'node:path'
import { EXIT } from '@attune/crds/stage.ts'
import { CliError } from '../cli-error.ts'
import type { StagesEnd } from './run-stages.ts'

/** 128 + SIGINT, as a shell reports it. */
const KILLED = 130

const FROM_EARLIER = 'run the same command to go on from the last checkpoint, if there is one'

export type Unfinished = Extract<StagesEnd, { kind: 'stopped' | 'failed' }>

/** @param killed by the second Ctrl-C: nothing was saved since the last checkpoint */
export const unfinishedError = (end: Unfinished, killed: boolean): CliError => {
  if (end.kind === 'failed') {
    const log = relative(process.cwd(), end.log)
    return new CliError(
      `${end.stage} failed: ${end.reason}\n  ${end.message}\n  log: ${log}`,
      end.exitCode,
    )
  }
  const where = end.step === undefined ? `in ${end.stage}` : `at step ${end.step}`
  if (killed) return new CliError(`killed ${where}; ${FROM_EARLIER}`, KILLED)
  if (end.by)
    return new CliError(
      `${end.stage} was ended by ${end.by} before it could save; ${FROM_EARLIER}`,
      EXIT.stopped,
    )
  const rest = end.step === undefined ? FROM_EARLIER : 'run the same command to go on'
  return new CliError(`stopped ${where}; ${rest}`, EXIT.stopped)
}
