/** Reads what a published run says of itself: `provenance.json` and `metrics.json`, which anybody may have written. */
import { open } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { CliError, causeOf } from '../cli-error.ts'

const MAX_BYTES = 16 * 2 ** 20

export type Source = {
  readonly uri: string
  readonly revision?: string
  readonly digest?: string
}
export type Pair = { readonly base: number; readonly tuned: number }
type Metrics = Readonly<Record<string, Pair>>

export type PublishedRun = {
  /** `run-3` */
  readonly name: string
  /** `<namespace>/<name>` */
  readonly job: string
  readonly specHash: string
  readonly spec: object
  readonly baseModel: Source
  readonly data: readonly Source[]
  /** programs and machine, by what they are */
  readonly madeBy: Readonly<Record<string, string>>
  readonly publishedAt: string
  readonly score: number
  /** suite → metric → values */
  readonly evaluation: Readonly<Record<string, Metrics>>
  /** suite → metric → slice → values */
  readonly slices: Readonly<Record<string, Readonly<Record<string, Metrics>>>>
  readonly training: Readonly<Record<string, number>>
}

type Fields = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Fields =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

const readBounded = async (file: string): Promise<string> => {
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    if (size > MAX_BYTES) throw new Error(`longer than ${MAX_BYTES} bytes`)
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(size) })
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}

const readObject = async (folder: string, name: string): Promise<Fields> => {
  const file = join(folder, name)
  const text = await readBounded(file).catch(cause => {
    throw new CliError(
      `${file}: cannot be read (${causeOf(cause)}); name the folder of a published run, such as out/run-3. A run that published nothing, or took over the artifacts of an earlier one, has no folder: compare it in its cluster by attune diff JOB run-3 run-4 -n NAMESPACE`,
      1,
      { cause },
    )
  })
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // said below, as for any other text that is no object
  }
  throw new CliError(`${file}: is not a JSON object; publish the run again or fetch it whole`)
}

/** The fields of one file; a field that is not what it must be ends the command. */
const fieldsOf = (file: string, from: Fields) => {
  const wrong = (field: string, what: string) =>
    new CliError(`${file}: ${field} is not ${what}; was it written by Attune?`)
  const object = (field: string): Fields => {
    const value = from[field]
    if (!isObject(value)) throw wrong(field, 'an object')
    return value
  }
  const optionalObject = (field: string): Fields => (from[field] === undefined ? {} : object(field))
  const text = (field: string): string => {
    const value = from[field]
    if (typeof value !== 'string') throw wrong(field, 'a text')
    return value
  }
  const source = (value: unknown, field: string): Source => {
    if (!isObject(value) || typeof value['uri'] !== 'string') throw wrong(field, 'a source')
    const { uri, revision, digest } = value
    return {
      uri,
      ...(typeof revision === 'string' ? { revision } : {}),
      ...(typeof digest === 'string' ? { digest } : {}),
    }
  }
  const sources = (field: string): readonly Source[] => {
    const value = from[field]
    if (!Array.isArray(value)) throw wrong(field, 'a list')
    return value.map((item, i) => source(item, `${field}[${i}]`))
  }
  const number = (field: string): number => {
    const value = from[field]
    if (typeof value !== 'number') throw wrong(field, 'a number')
    return value
  }
  return { object, optionalObject, text, source, sources, number }
}

const isPair = (value: unknown): value is Pair =>
  isObject(value) && typeof value['base'] === 'number' && typeof value['tuned'] === 'number'

/** Entries that can be read; the rest is left out. */
const only = <T>(from: unknown, read: (value: unknown) => T | undefined) =>
  Object.fromEntries(
    Object.entries(isObject(from) ? from : {}).flatMap(([key, value]) => {
      const known = read(value)
      return known === undefined ? [] : [[key, known] as const]
    }),
  )
const pairs = (from: unknown): Metrics => only(from, value => (isPair(value) ? value : undefined))
const numbers = (from: unknown) =>
  only(from, value => (typeof value === 'number' ? value : undefined))
const texts = (from: unknown) =>
  only(from, value => (typeof value === 'string' ? value : undefined))

/** @param folder `<output.uri>/run-<n>` on this machine */
export const readPublishedRun = async (folder: string): Promise<PublishedRun> => {
  const provenance = await readObject(folder, 'provenance.json')
  const metrics = await readObject(folder, 'metrics.json')
  const said = fieldsOf(join(folder, 'provenance.json'), provenance)
  const measured = fieldsOf(join(folder, 'metrics.json'), metrics)
  const { namespace, name } = texts(said.object('job'))
  return {
    name: basename(resolve(folder)),
    job: `${namespace}/${name}`,
    specHash: said.text('specHash'),
    spec: said.object('spec'),
    baseModel: said.source(provenance['baseModel'], 'baseModel'),
    data: said.sources('data'),
    madeBy: { ...texts(said.optionalObject('versions')), ...texts(said.optionalObject('machine')) },
    publishedAt: said.text('publishedAt'),
    score: measured.number('score'),
    evaluation: only(measured.object('evaluation'), pairs),
    slices: only(measured.optionalObject('slices'), suite => only(suite, pairs)),
    training: numbers(measured.optionalObject('training')),
  }
}
