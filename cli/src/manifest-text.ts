/** Text of a manifest, no more of it than a cluster would take. */
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { MAX_MANIFEST_BYTES } from '@attune/crds/manifest-text.ts'
import { CliError, causeOf } from './cli-error.ts'

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
