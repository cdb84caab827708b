/** What a graph is fed of the trained parameters: looks at their vector, tensor by tensor. */
import { Tensor } from 'onnxruntime-node'
import { vocabularyRanges } from '../autodiff/composites/vocabulary-ranges.ts'
import type { ModelConfig } from '../model/config.ts'
import { headWeightName } from '../model/linear-layers.ts'
import type { ParameterSlot } from '../model/trainable.ts'
import type { Feeds } from './batch-feeds.ts'
import { after, gradientSums, nameOf, trainedInput } from './trained-values.ts'

const tensor = (data: Float32Array, shape: readonly number[]) => new Tensor('float32', data, shape)

const placeIn = (vector: Float32Array, { offset, size }: ParameterSlot): Float32Array =>
  vector.subarray(offset, offset + size)

/** @param tokens of the micro-batch, on which the blocks of a head depend */
export const parameterFeeds = (
  config: ModelConfig,
  slots: readonly ParameterSlot[],
  parameters: Float32Array,
  tokens: number,
): Feeds => {
  const headBlocks = (data: Float32Array, { weight, shape }: ParameterSlot) => {
    if (weight === undefined || weight !== headWeightName(config)) return []
    const [, columns = 0] = shape
    return vocabularyRanges(config.vocabSize, tokens).map(({ start, end }) => [
      trainedInput(weight, start),
      tensor(data.subarray(start * columns, end * columns), [end - start, columns]),
    ])
  }
  return Object.fromEntries(
    slots.flatMap(slot => {
      const data = placeIn(parameters, slot)
      return [[trainedInput(nameOf(slot)), tensor(data, slot.shape)], ...headBlocks(data, slot)]
    }),
  )
}

/** @returns what a graph adds to, and the same memory as what it writes into */
export const sumsInPlace = (
  slots: readonly ParameterSlot[],
  sums: Float32Array,
): { readonly feeds: Feeds; readonly into: Feeds } => {
  const places = slots.map(slot => {
    const name = gradientSums(nameOf(slot))
    return { name, place: tensor(placeIn(sums, slot), slot.shape) }
  })
  return {
    feeds: Object.fromEntries(places.map(({ name, place }) => [name, place])),
    into: Object.fromEntries(places.map(({ name, place }) => [after(name), place])),
  }
}
