/** Reads a manifest, no more of it than a cluster would take, and finds the one job in it. */
import { open } from 'node:fs/promises'
import { MAX_MANIFEST_BYTES } from '@attune/crds/manifest-text.ts'
import type { ResolvedJob } from '@attune/crds/instruction-tuning-job.ts'
import { validateManifest } from '@attune/crds/validate.ts'
import { CliError, causeOf } from './cli-error.ts'
import { formatManifestErrors } from './view/manifest-errors.ts'

/** @param file path, or `-` for standard input; at most one byte over the limit is read, so that the check can tell */
export const readManifestText = async (file: string): Promise<string> => {
  const handle = await open(file === '-' ? '/dev/stdin' : file, 'r').catch(cause => {
    throw new CliError(`${file}: cannot be read (${causeOf(cause)})`, 1, { cause })
  })
  try {
    const stream = handle.createReadStream({ end: MAX_MANIFEST_BYTES, autoClose: false })
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString('utf8')
  } catch (cause) {
    throw new CliError(`${file}: cannot be read (${causeOf(cause)})`, 1, { cause })
  } finally {
    await handle.close()
  }
}

/** The job of a file as `attune run` takes it: valid, and the only one. */
export const readJob = async (file: string): Promise<ResolvedJob> => {
  const text = await readManifestText(file)
  const { job, jobs, errors } = validateManifest(text, { mode: 'local' })
  if (!job) throw new CliError(formatManifestErrors(file, text, errors).trimEnd())
  if (jobs.length > 1) {
    const names = jobs.map(found => found.metadata.name).join(', ')
    throw new CliError(`${file}: holds ${jobs.length} jobs (${names}); put each in its own file`)
  }
  return job
}
