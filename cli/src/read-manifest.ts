/** Reads a manifest, no more of it than a cluster would take, and finds the one job in it. */
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { MAX_MANIFEST_BYTES } from '@attune/crds/manifest-text.ts'
import type { ResolvedJob } from '@attune/crds/instruction-tuning-job.ts'
import { validateManifest } from '@attune/crds/validate.ts'
import { CliError, causeOf } from './cli-error.ts'
import { formatManifestErrors } from './view/manifest-errors.ts'

/** One byte over the limit is kept, so that the check can tell. */
const readBounded = async (stream: Readable): Promise<string> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer)
    bytes += (chunk as Buffer).length
    if (bytes > MAX_MANIFEST_BYTES) break
  }
  return Buffer.concat(chunks)
    .subarray(0, MAX_MANIFEST_BYTES + 1)
    .toString('utf8')
}

/** @param file path, or `-` for standard input */
export const readManifestText = (file: string): Promise<string> =>
  readBounded(file === '-' ? process.stdin : createReadStream(file)).catch(cause => {
    throw new CliError(`${file}: cannot be read (${causeOf(cause)})`, 1, { cause })
  })

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
