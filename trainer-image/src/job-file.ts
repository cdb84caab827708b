/** Reads the job file a stage is started with; it comes from outside, so size and shape are checked. */
import { readFile, stat } from 'node:fs/promises'
import type { JobFile } from '@attune/crds/stage.ts'
import { EXIT } from '@attune/crds/stage.ts'
import { StageError } from './stage-error.ts'

/** A ConfigMap holds at most 1 MiB. */
const MAX_BYTES = 1 << 20

const usage = (message: string, cause?: unknown) =>
  new StageError('InvalidSpec', EXIT.usage, message, { cause })

const isJobFile = (value: unknown): value is JobFile => {
  if (typeof value !== 'object' || value === null) return false
  const job = value as Partial<JobFile>
  return (
    job.apiVersion === 'attune.dev/v1alpha1' &&
    typeof job.name === 'string' &&
    typeof job.namespace === 'string' &&
    Number.isSafeInteger(job.run) &&
    (job.run ?? 0) >= 1 &&
    typeof job.spec === 'object' &&
    job.spec !== null
  )
}

export const readJobFile = async (path: string): Promise<JobFile> => {
  const size = await stat(path).then(
    found => found.size,
    cause => {
      throw usage(`--job ${path}: cannot be read (${(cause as NodeJS.ErrnoException).code})`, cause)
    },
  )
  if (size > MAX_BYTES) throw usage(`--job ${path}: ${size} bytes, at most ${MAX_BYTES} are read`)
  const value: unknown = await readFile(path, 'utf8')
    .then(JSON.parse)
    .catch(cause => {
      throw usage(`--job ${path}: not JSON (${(cause as Error).message})`, cause)
    })
  if (!isJobFile(value))
    throw usage(`--job ${path}: not a job file (needs apiVersion, name, namespace, run, spec)`)
  return value
}
