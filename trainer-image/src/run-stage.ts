/** Runs one stage and turns whatever happens into a result and an exit code. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CURATE,
  EXIT,
  type Stage,
  type StageResult,
  type TrainerStage,
} from '@attune/crds/stage.ts'
import { curateKey } from '@attune/crds/stage-keys.ts'
import { writeFileAtomically } from './atomic-file.ts'
import { StageError, StageStopped } from './stage-error.ts'
import { failureOf } from './stage-failure.ts'
import type {
  CurateContext,
  StageContext,
  StageFunction,
  StageOutput,
  StageSurroundings,
} from './stages/stage-context.ts'
import { keyOfStage, readStageResult, stageFolder } from './stages/stage-folders.ts'

export type StageRun = { readonly result: StageResult; readonly exitCode: number }

/** Prepare looks at its sources and Publish at its output themselves; Train and Evaluate depend on nothing but their key. */
const REUSED_BY_KEY: readonly Stage[] = ['train', 'evaluate']

const STAGES: Record<Stage, () => Promise<StageFunction>> = {
  prepare: async () => (await import('./stages/prepare.ts')).prepare,
  train: async () => (await import('./stages/train.ts')).train,
  evaluate: async () => (await import('./stages/evaluate.ts')).evaluate,
  publish: async () => (await import('./stages/publish.ts')).publish,
}

type Work = {
  readonly key: () => Promise<string>
  /** an earlier result of the same key stands */
  readonly reusedByKey: boolean
  readonly run: () => Promise<StageOutput>
}

const conclude = async (
  stage: TrainerStage,
  { workspace, log }: StageSurroundings,
  work: Work,
): Promise<StageRun> => {
  const started = performance.now()
  const seconds = () => (performance.now() - started) / 1000
  let key = ''
  try {
    await mkdir(workspace, { recursive: true })
    key = await work.key()
    const earlier = work.reusedByKey ? await readStageResult(workspace, stage, key) : undefined
    if (earlier) return { result: earlier, exitCode: EXIT.ok }
    const result: StageResult = {
      stage,
      outcome: 'Succeeded',
      ...(await work.run()),
      seconds: seconds(),
    }
    const folder = stageFolder(workspace, stage, result.key)
    await mkdir(folder, { recursive: true })
    await writeFileAtomically(join(folder, 'result.json'), `${JSON.stringify(result, null, 2)}\n`)
    return { result, exitCode: EXIT.ok }
  } catch (error) {
    const { exitCode, ...why } = failureOf(error)
    const foreseen = error instanceof StageError || error instanceof StageStopped
    // a stack helps only where nobody foresaw the failure
    const detail = foreseen ? { reason: why.reason } : { err: error }
    log[exitCode === EXIT.stopped ? 'info' : 'error']({ ...detail, key }, why.message)
    return { result: { stage, key, seconds: seconds(), ...why }, exitCode }
  }
}

export const runStage = (stage: Stage, context: StageContext): Promise<StageRun> =>
  conclude(stage, context, {
    key: () => keyOfStage(context.workspace, context.job, stage),
    reusedByKey: REUSED_BY_KEY.includes(stage),
    run: async () => (await STAGES[stage]())(context),
  })

/** The stage of an InstructionDataset. */
export const runCurate = (context: CurateContext): Promise<StageRun> =>
  conclude(CURATE, context, {
    key: async () => curateKey(context.dataset.spec),
    reusedByKey: false,
    run: async () => (await import('./stages/curate.ts')).curate(context),
  })
