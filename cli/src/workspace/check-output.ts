/** Whether results can be written at the end, asked before hours of training; nothing is made yet. */
import { access, constants, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { cannotPublish } from '@attune/trainer/publish/publish-error.ts'
import { CliError } from '../cli-error.ts'

const isMissing = (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** The deepest folder on the way to `path` that is there. */
const deepest = async (path: string): Promise<string> => {
  try {
    const found = await stat(path)
    if (!found.isDirectory()) throw Object.assign(new Error(path), { code: 'EEXIST' })
    return path
  } catch (error) {
    if (!isMissing(error) || dirname(path) === path) throw error
    return deepest(dirname(path))
  }
}

/** @param folder of this machine that `uri` means */
export const checkOutput = async (uri: string, folder: string): Promise<void> => {
  try {
    await access(await deepest(folder), constants.W_OK)
  } catch (cause) {
    throw new CliError(`PublishFailed: spec.${(cannotPublish(uri, cause) as Error).message}`, 1, {
      cause,
    })
  }
}
