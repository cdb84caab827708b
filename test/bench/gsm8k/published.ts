/** What a run of the benchmark's job published. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

type Metrics = {
  readonly evaluation: { readonly test: Readonly<Record<string, { base: number; tuned: number }>> }
  readonly training: Readonly<Record<string, number>>
}
export type Published = { readonly metrics: Metrics; readonly digest: string }

/** @returns what the first run published; undefined before it has */
export const publishedIn = async (output: string): Promise<Published | undefined> => {
  const run = join(output, 'run-1')
  const names = await readdir(run).catch((): string[] => [])
  if (!names.includes('metrics.json')) return undefined
  const adapter = await readFile(join(run, 'adapter', 'adapter_model.safetensors'))
  return {
    metrics: JSON.parse(await readFile(join(run, 'metrics.json'), 'utf8')) as Metrics,
    digest: createHash('sha256').update(adapter).digest('hex'),
  }
}
