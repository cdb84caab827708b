/** A run's record in the workspace, at its start and at its end. */
import { relative } from 'node:path'
import { specHash } from '@attune/crds/stage-keys.ts'
import { clearStages } from '../workspace/layout.ts'
import {
  nextRun,
  publishedRuns,
  type RunOutcome,
  type RunRecord,
  withRun,
  writeRuns,
} from '../workspace/runs.ts'
import { type Session, writeJobFile } from './open-session.ts'
import type { StagesEnd } from './run-stages.ts'

const OUTCOMES: Readonly<Record<StagesEnd['kind'], RunOutcome>> = {
  succeeded: 'Succeeded',
  gatesNotPassed: 'GatesNotPassed',
  failed: 'Failed',
  stopped: 'Stopped',
}

/** @param output folder that holds the published runs */
export const startRun = async (
  session: Session,
  earlier: readonly RunRecord[],
  output: string,
  fresh: boolean,
): Promise<RunRecord> => {
  const { job, workspace, view } = session
  const hash = specHash(job.spec)
  const { number, goesOn } = nextRun(earlier, hash, await publishedRuns(output), fresh)
  if (fresh) await clearStages(workspace)
  const startedAt = (goesOn ? earlier.at(-1)?.startedAt : undefined) ?? new Date().toISOString()
  const run: RunRecord = { number, specHash: hash, startedAt }
  await writeRuns(workspace, withRun(earlier, run))
  await writeJobFile(session, number)
  const place = relative(process.cwd(), workspace) || '.'
  view.say(`run ${number} of ${job.metadata.name}${goesOn ? ' goes on' : ''}, in ${place}`)
  return run
}

export const endedRun = (run: RunRecord, end: StagesEnd): RunRecord => {
  const prepared = 'results' in end ? end.results.prepare?.digest : undefined
  return {
    ...run,
    outcome: OUTCOMES[end.kind],
    ...(end.kind === 'failed' ? { reason: end.reason } : {}),
    ...(prepared === undefined ? {} : { prepared }),
    finishedAt: new Date().toISOString(),
  }
}
