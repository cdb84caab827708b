/** RoPE's settings of a GGUF: keys of its metadata, and tensors that hold a factor a frequency. */
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import { openBoundedFile } from '../weights/bounded-file.ts'
import {
  LONG_ROPE_FACTORS,
  ROPE_FACTORS,
  SHORT_ROPE_FACTORS,
} from '../weights/gguf-architecture.ts'
import type { GgufHeader } from '../weights/gguf-header.ts'
import type { ModelConfig, RopeScaling } from './config.ts'
import { GEMMA3_LOCAL_THETA } from './llama-cpp-rules.ts'
import { integer, LIMITS, real, show } from './read-config-fields.ts'
import type { GgufFields } from './read-config-gguf.ts'

/** What RoPE's frequencies are divided by: for all positions, or up to the original context. */
export type RopeFactors = {
  readonly all?: readonly number[]
  readonly short?: readonly number[]
  /** beyond it */
  readonly long?: readonly number[]
}

export const readRopeFactors = async (path: string, header: GgufHeader): Promise<RopeFactors> => {
  const all = await readFactors(path, header, ROPE_FACTORS)
  const short = await readFactors(path, header, SHORT_ROPE_FACTORS)
  const long = await readFactors(path, header, LONG_ROPE_FACTORS)
  return { ...(all ? { all } : {}), ...(short ? { short } : {}), ...(long ? { long } : {}) }
}

const readFactors = async (path: string, { tensors, fileName }: GgufHeader, name: string) => {
  const tensor = tensors.get(name)
  if (!tensor) return undefined
  const { type, shape, offset, byteLength } = tensor
  if (type !== 'F32' || shape.length !== 1 || shape[0]! > LIMITS.headDim)
    throw modelMalformed(
      `${fileName}: tensor "${name}" is ${type} [${shape}]; a factor a frequency in F32 is expected`,
    )
  const data = new Float32Array(shape[0]!)
  const file = await openBoundedFile(path)
  try {
    await file.readInto(new Uint8Array(data.buffer, 0, byteLength), offset)
  } finally {
    await file.close()
  }
  return Array.from(data, factor => real(`${fileName}: ${name}`, factor, 1e-6, 1e6))
}

type Rope = Pick<ModelConfig, 'ropeTheta' | 'maxPositions'> &
  Partial<Pick<ModelConfig, 'ropeScaling' | 'rotaryDim' | 'localRopeTheta'>>

export const ropeOfGguf = (fields: GgufFields, factors: RopeFactors, headDim: number): Rope => {
  const { get, at, architecture, header } = fields
  const theta = (key: string) => real(at(key), get(key) ?? 10_000, 1, 1e12)
  const d = rotaryDimOf(fields, headDim)
  for (const list of Object.values(factors))
    if (list.length !== d / 2)
      throw modelMalformed(
        `${header.fileName}: RoPE has ${list.length} factors for ${d / 2} frequencies`,
      )
  const ropeTheta = theta('rope.freq_base')
  const maxPositions = integer(at('context_length'), get('context_length'), 1, LIMITS.maxPositions)
  return {
    ropeTheta,
    maxPositions,
    ...(d === headDim ? {} : { rotaryDim: d }),
    ...(architecture.name === 'gemma3'
      ? {
          localRopeTheta: get('rope.freq_base_swa')
            ? theta('rope.freq_base_swa')
            : GEMMA3_LOCAL_THETA,
        }
      : {}),
    ...scalingOf(fields, factors, { d, ropeTheta, maxPositions }),
  }
}

const rotaryDimOf = ({ get, at }: GgufFields, headDim: number): number => {
  const key = 'rope.dimension_count'
  const d = integer(at(key), get(key) ?? headDim, 2, headDim)
  if (d % 2 !== 0) throw modelMalformed(`${at(key)} is ${d}; it must be even`)
  return d
}

type Plain = {
  readonly d: number
  readonly ropeTheta: number
  readonly maxPositions: number
}

const scalingOf = (fields: GgufFields, factors: RopeFactors, plain: Plain): Partial<Rope> => {
  const { get, at, header } = fields
  const type = get('rope.scaling.type') ?? 'none'
  const { all, short, long } = factors
  if (short && long) return longRope(fields, short, long, plain)
  if (short || long)
    throw modelMalformed(
      `${header.fileName}: tensor "${short ? LONG_ROPE_FACTORS : SHORT_ROPE_FACTORS}" is missing`,
    )
  if (type !== 'none' && type !== 'linear')
    throw modelUnsupported(
      `${at('rope.scaling.type')} is ${show(type)}, which is not supported; choose a model without it`,
    )
  const factor =
    type === 'linear' ? real(at('rope.scaling.factor'), get('rope.scaling.factor'), 1, 1e6) : 1
  if (all && factor !== 1)
    throw modelUnsupported(`${at('rope.scaling.type')} is linear beside "${ROPE_FACTORS}"`)
  if (all) return { ropeScaling: byFrequency(all, plain) }
  return factor === 1 ? {} : { ropeScaling: { type: 'linear', factor } }
}

/** Rows beyond the original context would need the long factors for every position, so the model ends there. */
const longRope = (
  { get, at }: GgufFields,
  shortFactors: readonly number[],
  longFactors: readonly number[],
  { maxPositions }: Plain,
): Partial<Rope> => {
  const original = integer(
    at('rope.scaling.original_context_length'),
    get('rope.scaling.original_context_length') ?? maxPositions,
    2,
    LIMITS.maxPositions,
  )
  const attentionFactor = real(
    at('rope.scaling.attn_factor'),
    get('rope.scaling.attn_factor') ?? 1,
    1e-6,
    1e6,
  )
  return {
    maxPositions: Math.min(maxPositions, original),
    ropeScaling: {
      type: 'longrope',
      shortFactors,
      attentionFactor,
      beyond: { factors: longFactors, maxPositions },
    },
  }
}

/** Llama 3.1's and 3.2's own settings; the file has only what comes out of them. */
const LLAMA3 = { low: 1, high: 4, original: 8192 }
const TOLERANCE = 1e-5

/** @returns Llama 3's scaling where the factors are those that its formula gives, otherwise the factors */
const byFrequency = (factors: readonly number[], { d, ropeTheta }: Plain): RopeScaling => {
  const factor = factors.reduce((a, b) => Math.max(a, b), 1)
  const { low, high, original } = LLAMA3
  const isLlama3 = factors.every((found, i) => {
    const turns = original / (2 * Math.PI * ropeTheta ** ((2 * i) / d))
    const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)))
    const expected = 1 / ((1 - kept) / factor + kept)
    return Math.abs(found - expected) <= TOLERANCE * expected
  })
  return isLlama3
    ? {
        type: 'llama3',
        factor,
        lowFrequencyFactor: low,
        highFrequencyFactor: high,
        originalMaxPositions: original,
      }
    : { type: 'longrope', shortFactors: factors, attentionFactor: 1 }
}
