/** RoPE's settings of a config.json; formulas and defaults of transformers' modeling_rope_utils.py. */
import { ropeParametersOf, ropeTypeOf } from '@attune/crds/rope-parameters.ts'
import { modelMalformed } from '../stage-error.ts'
import type { JsonObject } from '../weights/read-json.ts'
import type { Architecture, ModelConfig, RopeScaling } from './config.ts'
import { integer, LIMITS, real, show } from './read-config-fields.ts'

const FACTOR_MAX = 1e6

type Rope = Pick<ModelConfig, 'ropeTheta' | 'maxPositions'> &
  Partial<Pick<ModelConfig, 'ropeScaling' | 'rotaryDim' | 'localRopeTheta'>>

type Model = {
  readonly architecture: Architecture
  readonly headDim: number
  readonly maxPositions: number
}

const THETA: Readonly<Partial<Record<Architecture, number>>> = {
  smollm3: 2_000_000,
  gemma3_text: 1_000_000,
}

/** The context that the model was first trained on, before its RoPE was scaled. */
const originalPositions = (where: string, scaling: JsonObject, json: JsonObject): number => {
  const key = 'original_max_position_embeddings'
  return integer(`${where}.${key}`, scaling[key] ?? json[key], 2, LIMITS.maxPositions)
}

const llama3 = (where: string, scaling: JsonObject, json: JsonObject): RopeScaling => {
  const factor = (key: string, least: number) =>
    real(`${where}.${key}`, scaling[key], least, FACTOR_MAX)
  const [low, high] = [factor('low_freq_factor', 1e-6), factor('high_freq_factor', 1e-6)]
  if (high <= low)
    throw modelMalformed(
      `${where}.high_freq_factor is ${high}; more than low_freq_factor, ${low}, is needed`,
    )
  return {
    type: 'llama3',
    factor: factor('factor', 1),
    lowFrequencyFactor: low,
    highFrequencyFactor: high,
    originalMaxPositions: originalPositions(where, scaling, json),
  }
}

/** Cosines and sines grow with the context that the model was made for, as in transformers. */
const attentionFactor = (where: string, scaling: JsonObject, ratio: number, original: number) => {
  const own = scaling['attention_factor']
  if (own !== undefined && own !== null) return real(`${where}.attention_factor`, own, 1e-6, 1e6)
  return ratio <= 1 ? 1 : Math.sqrt(1 + Math.log(ratio) / Math.log(original))
}

/** Rows beyond the original context would need other factors for every position, so the model ends there. */
const longRope = (
  where: string,
  scaling: JsonObject,
  json: JsonObject,
  model: Model,
  d: number,
) => {
  const original = originalPositions(where, scaling, json)
  const factorsOf = (key: string): readonly number[] => {
    const factors = scaling[key]
    if (!Array.isArray(factors) || factors.length !== d / 2)
      throw modelMalformed(`${where}.${key} is ${show(factors)}; ${d / 2} numbers are needed`)
    return factors.map(one => real(`${where}.${key}`, one, 1e-6, FACTOR_MAX))
  }
  const { maxPositions } = model
  const ratio = real(
    `${where}.factor`,
    scaling['factor'] ?? maxPositions / original,
    1e-6,
    FACTOR_MAX,
  )
  return {
    maxPositions: Math.min(maxPositions, original),
    ropeScaling: {
      type: 'longrope',
      shortFactors: factorsOf('short_factor'),
      attentionFactor: attentionFactor(where, scaling, ratio, original),
      beyond: { factors: factorsOf('long_factor'), maxPositions },
    },
  } as const
}

const scalingOf = (
  where: string,
  scaling: JsonObject,
  json: JsonObject,
  model: Model,
  d: number,
): Partial<Rope> => {
  switch (ropeTypeOf(scaling)) {
    case 'linear': {
      const factor = real(`${where}.factor`, scaling['factor'], 1, FACTOR_MAX)
      return { ropeScaling: { type: 'linear', factor } }
    }
    case 'llama3':
      return { ropeScaling: llama3(where, scaling, json) }
    case 'longrope':
    case 'su':
    case 'yarn':
      return longRope(where, scaling, json, model, d)
    default:
      return {}
  }
}

const rotaryDimOf = (scaling: JsonObject, json: JsonObject, headDim: number): number => {
  const key = 'partial_rotary_factor'
  const factor = real(`config.json: ${key}`, scaling[key] ?? json[key] ?? 1, 1e-6, 1)
  const d = Math.floor(headDim * factor)
  if (d < 2 || d % 2 !== 0)
    throw modelMalformed(
      `config.json: ${key} is ${factor}, which rotates ${d} of ${headDim} values of a head; an even number is needed`,
    )
  return d
}

/** @param json whose RoPE unsupported-config.ts found to be one that can be computed */
export const ropeOfJson = (json: JsonObject, model: Model): Rope => {
  const { key, full, sliding } = ropeParametersOf(json)
  const where = `config.json: ${key}`
  const { architecture, headDim, maxPositions } = model
  const theta = (value: unknown, missing: number) =>
    real('config.json: rope_theta', value ?? missing, 1, 1e12)
  const d = rotaryDimOf(full, json, headDim)
  const local = sliding?.['rope_theta'] ?? json['rope_local_base_freq']
  return {
    ropeTheta: theta(full['rope_theta'], THETA[architecture] ?? 10_000),
    maxPositions,
    ...(d === headDim ? {} : { rotaryDim: d }),
    ...(architecture === 'gemma3_text' ? { localRopeTheta: theta(local, 10_000) } : {}),
    ...scalingOf(where, full, json, model, d),
  }
}
