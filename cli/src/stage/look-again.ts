/** Whether the last run is what running again would come to. */
import { resultFile } from '../workspace/layout.ts'
import type { RunRecord } from '../workspace/runs.ts'
import { type Session, writeJobFile } from './open-session.ts'
import { type Results, runStages } from './run-stages.ts'
import { readResult } from './stage-process.ts'
import { unfinishedError } from './stopped-or-failed.ts'

export type SecondLook = {
  /** of the finished run; absent where running again would come to something else */
  readonly finished?: Results
  /** of Prepare, where it was asked */
  readonly prepared?: Results
}

const earlierResults = async (workspace: string): Promise<Results | undefined> => {
  const evaluate = await readResult(resultFile(workspace, 'evaluate'))
  const publish = await readResult(resultFile(workspace, 'publish'))
  return evaluate && publish ? { evaluate, publish } : undefined
}

/**
 * The manifest is the same; Prepare tells whether what it reads still gives what the run was made of.
 * @param run the last one, finished with the manifest as it is now
 */
export const lookAgain = async (session: Session, run: RunRecord): Promise<SecondLook> => {
  const finished = await earlierResults(session.workspace)
  if (!finished) return {}
  await writeJobFile(session, run.number)
  const end = await runStages(['prepare'], session)
  if (end.kind === 'failed' || end.kind === 'stopped')
    throw unfinishedError(end, session.interrupts.killed())
  const prepared = end.results
  const same = run.prepared !== undefined && run.prepared === prepared.prepare?.digest
  return same ? { finished, prepared } : { prepared }
}
