/** Where a stage's output lies, by content address: `<workspace>/<stage>/<key>`, finished once `result.json` is there. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JobFile, Stage, StageResult, TrainerStage } from '@attune/crds/stage.ts'
import { evaluateKey, prepareKey, publishKey, trainKey } from '@attune/crds/stage-keys.ts'
import { invalidSpec } from '../stage-error.ts'

export const stageFolder = (workspace: string, stage: TrainerStage, key: string): string =>
  join(workspace, stage, key)

/** @returns the result of a finished stage, or undefined while there is none (a damaged file counts as none) */
export const readStageResult = async (
  workspace: string,
  stage: TrainerStage,
  key: string,
): Promise<StageResult | undefined> => {
  try {
    const result = JSON.parse(
      await readFile(join(stageFolder(workspace, stage, key), 'result.json'), 'utf8'),
    ) as StageResult
    return result.outcome === 'Succeeded' && result.key === key ? result : undefined
  } catch {
    return undefined
  }
}

const finished = async (
  workspace: string,
  stage: Stage,
  key: string,
): Promise<StageResult & { digest: string }> => {
  const result = await readStageResult(workspace, stage, key)
  if (result?.digest === undefined) {
    throw invalidSpec(
      `stage ${stage} has not finished in this workspace (no result.json under ${stage}/${key}); run it first`,
    )
  }
  return { ...result, digest: result.digest }
}

type Finished = {
  readonly key: string
  readonly result: StageResult & { readonly digest: string }
  readonly folder: string
}

const finishedAt = async (workspace: string, stage: Stage, key: string): Promise<Finished> => ({
  key,
  result: await finished(workspace, stage, key),
  folder: stageFolder(workspace, stage, key),
})

export const finishedPrepare = (workspace: string, job: JobFile): Promise<Finished> =>
  finishedAt(workspace, 'prepare', prepareKey(job.spec))

export const finishedTrain = async (workspace: string, job: JobFile) => {
  const prepare = await finishedPrepare(workspace, job)
  const train = await finishedAt(workspace, 'train', trainKey(job.spec, prepare.result.digest))
  return { prepare, train }
}

export const finishedEvaluate = async (workspace: string, job: JobFile) => {
  const { prepare, train } = await finishedTrain(workspace, job)
  const evaluate = await finishedAt(
    workspace,
    'evaluate',
    evaluateKey(job.spec, train.result.digest),
  )
  return { prepare, train, evaluate }
}

/** Content address of a stage; its predecessors must have finished. */
export const keyOfStage = async (
  workspace: string,
  job: JobFile,
  stage: Stage,
): Promise<string> => {
  switch (stage) {
    case 'prepare':
      return prepareKey(job.spec)
    case 'train':
      return trainKey(job.spec, (await finishedPrepare(workspace, job)).result.digest)
    case 'evaluate':
      return evaluateKey(job.spec, (await finishedTrain(workspace, job)).train.result.digest)
    case 'publish':
      return publishKey(
        job.spec,
        (await finishedEvaluate(workspace, job)).evaluate.result.digest,
        job.run,
      )
  }
}
