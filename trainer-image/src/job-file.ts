/** Reads the job or dataset file a stage is started with; it comes from outside, so size and shape are checked. */
import { readFile, stat } from 'node:fs/promises'
import type { DatasetFile, JobFile } from '@attune/crds/stage.ts'
import { EXIT } from '@attune/crds/stage.ts'
import { StageError } from './stage-error.ts'

/** A ConfigMap holds at most 1 MiB. */
const MAX_BYTES = 1 << 20

const usage = (message: string, cause?: unknown) =>
  new StageError('InvalidSpec', EXIT.usage, message, { cause })

type Named = Pick<JobFile, 'apiVersion' | 'name' | 'namespace'> & { readonly spec: object }

const isNamed = (value: unknown): value is Named => {
  if (typeof value !== 'object' || value === null) return false
  const file = value as Partial<Named>
  return (
    file.apiVersion === 'attune.dev/v1alpha1' &&
    typeof file.name === 'string' &&
    typeof file.namespace === 'string' &&
    typeof file.spec === 'object' &&
    file.spec !== null
  )
}

const isJobFile = (value: unknown): value is JobFile =>
  isNamed(value) && 'run' in value && Number.isSafeInteger(value.run) && Number(value.run) >= 1

const isDatasetFile = (value: unknown): value is DatasetFile =>
  isNamed(value) &&
  'keep' in value &&
  Array.isArray(value.keep) &&
  value.keep.every(key => typeof key === 'string')

const readBounded = async (path: string): Promise<unknown> => {
  const size = await stat(path).then(
    found => found.size,
    cause => {
      throw usage(`--job ${path}: cannot be read (${(cause as NodeJS.ErrnoException).code})`, cause)
    },
  )
  if (size > MAX_BYTES) throw usage(`--job ${path}: ${size} bytes, at most ${MAX_BYTES} are read`)
  return readFile(path, 'utf8')
    .then(JSON.parse)
    .catch(cause => {
      throw usage(`--job ${path}: not JSON (${(cause as Error).message})`, cause)
    })
}

export const readJobFile = async (path: string): Promise<JobFile> => {
  const value = await readBounded(path)
  if (!isJobFile(value))
    throw usage(`--job ${path}: not a job file (needs apiVersion, name, namespace, run, spec)`)
  return value
}

export const readDatasetFile = async (path: string): Promise<DatasetFile> => {
  const value = await readBounded(path)
  if (!isDatasetFile(value))
    throw usage(`--job ${path}: not a dataset file (needs apiVersion, name, namespace, keep, spec)`)
  return value
}
