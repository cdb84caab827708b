/** Runs stages one after the other in a workspace and says how it went. */
import type { Progress, Stage, StageResult } from '@attune/crds/stage.ts'
import { duration } from '../view/format.ts'
import type { ProgressView } from '../view/progress-view.ts'
import { jobFile, logFile, resultFile } from '../workspace/layout.ts'
import type { WorkspaceLock } from '../workspace/lock.ts'
import type { Interrupts } from './interrupts.ts'
import { type StageEnd, startStage } from './stage-process.ts'
import { stageVerdict, type Verdict } from './stage-verdict.ts'

export type StagesContext = {
  readonly workspace: string
  readonly fileRoot: string
  readonly pvcRoot: string
  readonly lock: WorkspaceLock
  readonly interrupts: Interrupts
  readonly view: ProgressView
}

export type StagesEnd =
  | { readonly kind: 'succeeded'; readonly results: Results }
  | { readonly kind: 'gatesNotPassed'; readonly results: Results }
  | {
      readonly kind: 'stopped'
      readonly stage: Stage
      readonly step: number | undefined
      /** the signal that ended it before it could save */
      readonly by?: NodeJS.Signals
    }
  | (Extract<Verdict, { kind: 'failed' }> & { readonly stage: Stage; readonly log: string })

export type Results = Readonly<Partial<Record<Stage, StageResult>>>

const endLine = (stage: Stage, end: StageEnd): string => {
  const earlier = end.result?.seconds ?? 0
  // a stage that finds its own output hands it back with the time it once took
  return end.seconds < earlier
    ? `${stage.padEnd(8)} done before, in ${duration(earlier)}`
    : `${stage.padEnd(8)} done in ${duration(end.seconds)}`
}

const runOne = async (stage: Stage, context: StagesContext, more: readonly string[] = []) => {
  const { workspace, fileRoot, pvcRoot, lock, interrupts, view } = context
  let last: Progress | undefined
  const paths = {
    ...{ workspace, fileRoot, pvcRoot, job: jobFile(workspace) },
    ...{ result: resultFile(workspace, stage), log: logFile(workspace, stage) },
  }
  const onProgress = (progress: Progress) => {
    last = progress
    // once it was asked to stop, the message about that stays
    if (!interrupts.asked()) view.update(progress)
  }
  const child = await startStage(stage, paths, onProgress, more)
  interrupts.watch(child)
  await lock.noteStage(child.pid)
  const end = await child.ended
  interrupts.watch(undefined)
  return { end, last, verdict: stageVerdict(stage, end, interrupts.asked()) }
}

/**
 * Ends at the first stage that does not succeed, and before Publish where a gate does not hold.
 * @param done results of stages that need not run
 * @param more options of the trainer, by stage
 */
export const runStages = async (
  stages: readonly Stage[],
  context: StagesContext,
  done: Results = {},
  more: Readonly<Partial<Record<Stage, readonly string[]>>> = {},
): Promise<StagesEnd> => {
  const results: Partial<Record<Stage, StageResult>> = { ...done }
  for (const stage of stages.filter(each => !done[each])) {
    if (context.interrupts.asked()) return { kind: 'stopped', stage, step: undefined }
    const { end, last, verdict } = await runOne(stage, context, more[stage])
    if (verdict.kind === 'stopped') return { ...verdict, stage, step: last?.training?.step }
    if (verdict.kind === 'failed')
      return { ...verdict, stage, log: logFile(context.workspace, stage) }
    context.view.say(endLine(stage, end))
    if (end.result) results[stage] = end.result
    if (end.result?.evaluation?.gatesPassed === false) return { kind: 'gatesNotPassed', results }
  }
  return { kind: 'succeeded', results }
}
