/** Values that training starts from: an adapter as PEFT draws it, A ~ U(±1/√in) and B = 0, and the model's own weights. */
import { createHash } from 'node:crypto'
import { modelMalformed } from '../stage-error.ts'
import type { AdapterTensors, Tensor, TuningMethod } from './adapter.ts'
import type { ModelConfig, Weights } from './config.ts'
import { fillUniform, type PhiloxKey } from './random.ts'
import { type ParameterSlot, parameterSlots } from './trainable.ts'
import { rowNorms } from './tuned-weights.ts'

/** A stream for each tensor: its values depend on seed and name, not on which other modules are adapted. */
const keyOf = (seed: number, name: string): PhiloxKey => {
  const digest = createHash('sha256').update(`${seed}\0${name}`).digest()
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)]
}

const fillLowRank = (data: Float32Array, { name, shape }: ParameterSlot, seed: number): void => {
  // Row by row, so that a larger rank only adds rows.
  if (name.endsWith('.lora_A.weight'))
    fillUniform(data, 1 / Math.sqrt(shape[1]!), keyOf(seed, name))
}

/** @returns A's and B's; the rest of what `method` trains follows from the model's weights */
export const initialAdapter = (
  config: ModelConfig,
  method: TuningMethod,
  seed: number,
): AdapterTensors =>
  new Map(
    parameterSlots(config, method)
      .filter(({ name }) => /\.lora_[AB]\.weight$/.test(name))
      .map((slot): [string, Tensor] => {
        const data = new Float32Array(slot.size)
        fillLowRank(data, slot, seed)
        return [slot.name, { shape: slot.shape, data }]
      }),
  )

const MAGNITUDE = /^base_model\.model\.(.+)\.lora_magnitude_vector$/

/** DoRA starts from the lengths of the rows of W, which is W + s·BA as long as B is zero. */
const fillFromWeights = async (
  data: Float32Array,
  { name, shape, weight }: ParameterSlot,
  weights: Weights,
): Promise<void> => {
  if (weight !== undefined) {
    const values = await weights.read(weight)
    if (values.length !== data.length)
      throw modelMalformed(
        `tensor ${weight} has ${values.length} values, but the model's config asks for [${shape}]; config and weights do not belong together`,
      )
    data.set(values)
    return
  }
  const path = MAGNITUDE.exec(name)?.[1]
  if (path !== undefined) data.set(rowNorms(await weights.read(`${path}.weight`), shape[0]!))
}

/** @param flat zeros, filled with what every slot starts from, one tensor in memory at a time */
export const fillInitial = async (
  flat: Float32Array,
  slots: readonly ParameterSlot[],
  weights: Weights,
  seed: number,
): Promise<void> => {
  for (const slot of slots) {
    const data = flat.subarray(slot.offset, slot.offset + slot.size)
    fillLowRank(data, slot, seed)
    await fillFromWeights(data, slot, weights)
  }
}
