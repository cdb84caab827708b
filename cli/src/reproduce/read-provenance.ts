/** Reads `provenance.json` of a published run for training it again; anybody may have written it. */
import { open } from 'node:fs/promises'
import { jobSpecProblems } from '@attune/crds/check-job-spec.ts'
import { resolveSpec } from '@attune/crds/defaults.ts'
import type { InstructionTuningJobSpec } from '@attune/crds/instruction-tuning-job-spec.ts'
import type { CuratedContent, StageSpec } from '@attune/crds/resolved-spec.ts'
import { formatPath } from '@attune/crds/schema-node.ts'
import { stageSpec } from '@attune/crds/stage-spec.ts'
import type { Provenance } from '@attune/trainer/publish/provenance.ts'
import { isPieces } from '@attune/trainer/train/pieces.ts'
import { CliError, causeOf } from '../cli-error.ts'

export type Recorded = Pick<
  Provenance,
  'job' | 'baseModel' | 'startAdapter' | 'data' | 'computed' | 'versions' | 'machine'
> & {
  readonly spec: StageSpec
  /** digest of Train's result: of the adapter's files */
  readonly trained: string
}

const MAX_BYTES = 16 * 2 ** 20
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/
const SHA256 = /^[0-9a-f]{64}$/

type Fields = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const readText = async (path: string): Promise<string> => {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    if (size > MAX_BYTES) throw new Error(`longer than ${MAX_BYTES} bytes`)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

const readFields = async (path: string): Promise<Fields> => {
  const text = await readText(path).catch(cause => {
    throw new CliError(`${path}: cannot be read (${causeOf(cause)})`, 1, { cause })
  })
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // said below, as for any other text that is no object
  }
  throw new CliError(`${path}: is not a JSON object; give the provenance.json of a published run`)
}

/** What a reference to a dataset stood for is no field that anybody writes. */
const withoutCurated = (
  given: unknown,
): { readonly written: unknown; readonly curated?: CuratedContent } => {
  if (!isObject(given) || !isObject(given['dataset'])) return { written: given }
  const { curated, ...dataset } = given['dataset']
  const isKnown =
    isObject(curated) &&
    [curated['uri'], curated['contentHash']].every(text => typeof text === 'string')
  return {
    written: { ...given, dataset },
    ...(isKnown ? { curated: curated as CuratedContent } : {}),
  }
}

const specOf = (path: string, given: unknown): StageSpec => {
  const { written, curated } = withoutCurated(given)
  const [problem] = jobSpecProblems(written, 'local')
  if (problem)
    throw new CliError(`${path}: ${formatPath(['spec', ...problem.path])}: ${problem.message}`)
  const spec = stageSpec(resolveSpec(written as InstructionTuningJobSpec))
  return curated ? { ...spec, dataset: { ...spec.dataset, curated } } : spec
}

const textsOf = (value: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(isObject(value) ? value : {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  )

export const readProvenance = async (path: string): Promise<Recorded> => {
  const fields = await readFields(path)
  const wrong = (field: string) =>
    new CliError(`${path}: ${field} is not what a published run says of itself`)
  const { job, stages, baseModel, startAdapter, data, computed } = fields
  if (!isObject(job) || ![job['name'], job['namespace']].every(name => NAME.test(String(name))))
    throw wrong('job')
  const train = isObject(stages) ? stages['train'] : undefined
  const trained = isObject(train) ? train['digest'] : undefined
  if (typeof trained !== 'string' || !SHA256.test(trained)) throw wrong('stages.train.digest')
  const isSource = (value: unknown) => isObject(value) && typeof value['uri'] === 'string'
  if (!isSource(baseModel)) throw wrong('baseModel')
  if (startAdapter !== undefined && !isSource(startAdapter)) throw wrong('startAdapter')
  if (!Array.isArray(data) || !data.every(isSource)) throw wrong('data')
  return {
    job: {
      name: String(job['name']),
      namespace: String(job['namespace']),
      run: Number.isSafeInteger(job['run']) ? Number(job['run']) : 1,
    },
    spec: specOf(path, fields['spec']),
    baseModel: baseModel as Recorded['baseModel'],
    ...(startAdapter ? { startAdapter: startAdapter as Recorded['baseModel'] } : {}),
    data,
    ...(isPieces(computed) ? { computed } : {}),
    versions: textsOf(fields['versions']) as Recorded['versions'],
    machine: textsOf(fields['machine']) as Recorded['machine'],
    trained,
  }
}
