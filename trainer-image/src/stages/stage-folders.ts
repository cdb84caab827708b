/** Where a stage's output lies, by content address: `<workspace>/<stage>/<key>`, finished once `result.json` is there. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JobFile, Stage, StageResult } from '@attune/crds/stage.ts'
import { evaluateKey, prepareKey, publishKey, trainKey } from '@attune/crds/stage-keys.ts'
import { invalidSpec } from '../stage-error.ts'

export const stageFolder = (workspace: string, stage: Stage, key: string): string =>
  join(workspace, stage, key)

/** @returns the result of a finished stage, or undefined while there is none (a damaged file counts as none) */
export const readStageResult = async (
  workspace: string,
  stage: Stage,
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

/** Folder and result of each stage up to and with `last`; stages before it must have finished. */
export const finishedStages = async (
  workspace: string,
  job: JobFile,
  last: 'prepare' | 'train' | 'evaluate',
) => {
  const at = async (stage: Stage, key: string) => {
    const result = await finished(workspace, stage, key)
    return { key, result, folder: stageFolder(workspace, stage, key) }
  }
  const prepare = await at('prepare', prepareKey(job.spec))
  if (last === 'prepare') return { prepare }
  const train = await at('train', trainKey(job.spec, prepare.result.digest))
  if (last === 'train') return { prepare, train }
  return {
    prepare,
    train,
    evaluate: await at('evaluate', evaluateKey(job.spec, train.result.digest)),
  }
}

/** Content address of a stage; its predecessors must have finished. */
export const keyOfStage = async (
  workspace: string,
  job: JobFile,
  stage: Stage,
): Promise<string> => {
  if (stage === 'prepare') return prepareKey(job.spec)
  const { prepare } = await finishedStages(workspace, job, 'prepare')
  if (stage === 'train') return trainKey(job.spec, prepare.result.digest)
  const { train } = await finishedStages(workspace, job, 'train')
  if (stage === 'evaluate') return evaluateKey(job.spec, train?.result.digest ?? '')
  const { evaluate } = await finishedStages(workspace, job, 'evaluate')
  return publishKey(job.spec, evaluate?.result.digest ?? '', job.run)
}
