/** What the base model's own file says of its license and languages; only a GGUF does. */
import { type GgufHeader, readGgufHeader } from '../weights/gguf-header.ts'
import { findModelFiles } from '../weights/model-files.ts'

export type BaseNotes = { readonly license?: string; readonly languages?: readonly string[] }

const LANGUAGES_MAX = 100

const notesOf = ({ metadata }: GgufHeader): BaseNotes => {
  const license = metadata.get('general.license')
  const languages = metadata.get('general.languages')
  const named = Array.isArray(languages) ? languages.filter(each => typeof each === 'string') : []
  return {
    ...(typeof license === 'string' && license !== '' ? { license } : {}),
    ...(named.length > 0 ? { languages: named.slice(0, LANGUAGES_MAX) } : {}),
  }
}

/** @returns nothing where the folder is gone: an adapter is published without it */
export const baseNotes = async (modelFolder: string): Promise<BaseNotes> => {
  const files = await findModelFiles(modelFolder).catch(() => undefined)
  return files?.format === 'gguf' ? notesOf(readGgufHeader(files.path)) : {}
}
