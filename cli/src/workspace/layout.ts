/** Where things lie in a workspace, and where results are published. */
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { STAGES, type Stage } from '@attune/crds/stage.ts'
import { parseSource } from '@attune/trainer/source/parse-uri.ts'

export const defaultWorkspace = (manifest: string, jobName: string): string =>
  join(dirname(resolve(manifest)), '.attune', jobName)

export const jobFile = (workspace: string): string => join(workspace, 'job.json')
export const logFile = (workspace: string, stage: Stage): string =>
  join(workspace, 'logs', `${stage}.log`)
export const resultFile = (workspace: string, stage: Stage): string =>
  join(workspace, 'results', `${stage}.json`)

export const createWorkspace = async (workspace: string): Promise<void> => {
  for (const folder of ['logs', 'results'])
    await mkdir(join(workspace, folder), { recursive: true })
}

/** @param key of Train's result */
export const trainedFolder = (workspace: string, key: string): string =>
  join(workspace, 'train', key)

/** Removes what the stages made, and nothing else: the folder may be one that the user named. */
export const clearStages = async (workspace: string): Promise<void> => {
  for (const stage of STAGES) await rm(join(workspace, stage), { recursive: true, force: true })
}

/** Folder of this machine that an output URI means, read as the stages read it. */
export const outputFolder = (uri: string, fileRoot: string, pvcRoot: string): string => {
  const output = parseSource(uri)
  if (output.kind === 'pvc') return join(pvcRoot, output.claim, output.path)
  if (output.kind === 'file') return resolve(fileRoot, output.path)
  throw new TypeError(`spec.output.uri: ${uri} is no folder`)
}
