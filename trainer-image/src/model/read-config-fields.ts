/** Bounded numbers out of untrusted metadata, and the bounds of a model's sizes. */
import { modelMalformed } from '../stage-error.ts'

/** Largest sizes that are believed: well above any Llama, well below what would exhaust memory. */
export const LIMITS = {
  vocabSize: 4_194_304,
  hiddenSize: 65_536,
  intermediateSize: 1_048_576,
  layers: 1_024,
  heads: 1_024,
  headDim: 4_096,
  maxPositions: 134_217_728,
} as const

/** `where` names file and key, for messages. */
export const integer = (where: string, value: unknown, least: number, most: number): number => {
  const number = typeof value === 'bigint' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number) || number < least || number > most)
    throw modelMalformed(
      `${where} is ${show(value)}; a whole number from ${least} to ${most} is needed`,
    )
  return number
}

export const real = (where: string, value: unknown, least: number, most: number): number => {
  if (typeof value !== 'number' || !(value >= least && value <= most))
    throw modelMalformed(`${where} is ${show(value)}; a number from ${least} to ${most} is needed`)
  return value
}

/** A number for all layers, or one a layer. */
export const perLayer = (where: string, value: unknown, layers: number): readonly number[] => {
  const values = Array.isArray(value) ? value : Array<unknown>(layers).fill(value)
  if (values.length !== layers)
    throw modelMalformed(`${where} has ${values.length} entries for ${layers} layers`)
  return values.map(one => integer(where, one, 1, LIMITS.heads))
}

/** A token id, several, or none. */
export const tokenIds = (where: string, value: unknown, vocabSize: number): readonly number[] => {
  if (value === undefined || value === null) return []
  const values = Array.isArray(value) ? value : [value]
  if (values.length > 64) throw modelMalformed(`${where} has ${values.length} entries, at most 64`)
  return values.map(id => integer(where, id, 0, vocabSize - 1))
}

export const show = (value: unknown): string =>
  value === undefined
    ? 'missing'
    : String(JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v))).slice(0, 100)
