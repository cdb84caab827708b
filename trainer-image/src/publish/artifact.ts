/** What status says of a published format: where it lies, how large it is, and by which digest it is checked. */
import { createHash } from 'node:crypto'
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { OutputFormat } from '@attune/crds/spec/output.ts'
import type { Artifact } from '@attune/crds/stage.ts'
import type { Digests } from './digests.ts'
import { FORMAT_FOLDERS } from './open-formats.ts'

const WEIGHTS = /\.(safetensors|gguf|onnx|onnx\.data)$/

/** @param place uri of the run's folder */
export const artifactOf = (format: OutputFormat, place: string, digests: Digests): Artifact => {
  const folder = FORMAT_FOLDERS[format]
  const weights = Object.entries(digests).filter(
    ([path]) => path.startsWith(`${folder}/`) && WEIGHTS.test(path),
  )
  const [only, ...others] = weights.map(([, digest]) => digest)
  const digest =
    only && others.length === 0
      ? only.sha256
      : createHash('sha256')
          .update(canonicalJson(Object.fromEntries(weights)))
          .digest('hex')
  return {
    uri: `${place}/${folder}`,
    format,
    digest: `sha256:${digest}`,
    bytes: weights.reduce((sum, [, { bytes }]) => sum + bytes, 0),
  }
}
