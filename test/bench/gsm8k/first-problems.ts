/** Less than the whole of GSM8K. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export type Problems = { readonly train: number; readonly test: number }

/** Writes the first problems of each split into a folder of their own. @returns the folder */
export const firstProblems = async (
  data: string,
  folder: string,
  problems: Problems,
): Promise<string> => {
  await mkdir(folder, { recursive: true })
  for (const split of ['train', 'test'] as const) {
    const lines = (await readFile(join(data, `${split}.jsonl`), 'utf8')).split('\n')
    await writeFile(join(folder, `${split}.jsonl`), lines.slice(0, problems[split]).join('\n'))
  }
  return folder
}
