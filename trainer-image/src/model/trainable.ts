/** What each method trains, and where it lies in the vector of all trainable parameters: a function of model and method. */
import { invalidSpec } from '../stage-error.ts'
import {
  type AdapterConfig,
  adapterNames,
  isFull,
  type TuningMethod,
  wholeName,
} from './adapter.ts'
import type { ModelConfig } from './config.ts'
import { type LinearLayer, linearLayers, type WeightShape, weightShapes } from './linear-layers.ts'
import { ALL_LINEAR, matchesTarget } from './target-modules.ts'

/** A tensor's place in the vector of all trainable parameters. */
export type ParameterSlot = {
  readonly name: string
  readonly shape: readonly number[]
  readonly offset: number
  readonly size: number
  /** times the learning rate */
  readonly rateFactor: number
  /** biases and norms do not decay, as in transformers */
  readonly decays: boolean
  /** Hugging Face name of the weight that is trained whole; absent: part of an adapter */
  readonly weight?: string
}

type Trainable = Omit<ParameterSlot, 'offset' | 'size'>

const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1)

const isTarget =
  ({ targetModules }: AdapterConfig) =>
  ({ path }: LinearLayer): boolean =>
    targetModules.some(target => target === ALL_LINEAR || matchesTarget(path, target))

/** A's and B's of a layer, and what else its variant learns; LoRA+ raises the rate of all but A, as PEFT does. */
const adapterOf = (
  { path, inFeatures, outFeatures }: LinearLayer,
  { rank, variant, bLearningRateRatio = 1 }: AdapterConfig,
): readonly Trainable[] => {
  const { a, b, magnitude } = adapterNames(path)
  const fast = { rateFactor: bLearningRateRatio, decays: true }
  return [
    { name: a, shape: [rank, inFeatures], rateFactor: 1, decays: true },
    { name: b, shape: [outFeatures, rank], ...fast },
    ...(variant === 'DoRA' ? [{ name: magnitude, shape: [outFeatures], ...fast }] : []),
  ]
}

const wholeOf = ({ name, shape }: WeightShape, slotName: string): Trainable => ({
  name: slotName,
  shape,
  rateFactor: 1,
  // the only vectors of a transformer are biases and norms
  decays: shape.length > 1,
  weight: name,
})

const moduleOf = (weight: string) => weight.replace(/\.weight$/, '')

/** Modules that may be trained whole beside an adapter: embeddings, the output head, norms. */
const savable = (config: ModelConfig): readonly WeightShape[] => {
  const linear = new Set(linearLayers(config).map(({ path }) => path))
  return weightShapes(config).filter(
    ({ name }) => name.endsWith('.weight') && !linear.has(moduleOf(name)),
  )
}

/** A tied head is the embedding. */
const EMBEDDING = 'model.embed_tokens'
export const HEAD = 'lm_head'

const isSaved =
  (config: ModelConfig, { modulesToSave = [] }: AdapterConfig) =>
  ({ name }: WeightShape): boolean => {
    const path = moduleOf(name)
    const paths = path === EMBEDDING && config.tieWordEmbeddings ? [path, HEAD] : [path]
    return modulesToSave.some(target => paths.some(one => matchesTarget(one, target)))
  }

const trainables = (config: ModelConfig, method: TuningMethod): readonly Trainable[] => {
  if (isFull(method))
    return weightShapes(config)
      .toReversed()
      .map(weight => wholeOf(weight, weight.name))
  return [
    ...linearLayers(config)
      .toReversed()
      .filter(isTarget(method))
      .flatMap(layer => adapterOf(layer, method)),
    ...savable(config)
      .filter(isSaved(config, method))
      .map(weight => wholeOf(weight, wholeName(weight.name))),
  ]
}

/**
 * Adapters first, by PEFT's names, last layer first; behind them the weights that are trained whole. The order stays: the
 * gradient's norm adds up in it, and a training that goes on has the last digits of the one that began.
 */
export const parameterSlots = (
  config: ModelConfig,
  method: TuningMethod,
): readonly ParameterSlot[] => {
  let offset = 0
  return trainables(config, method).map(trainable => {
    const slot = { ...trainable, offset, size: sizeOf(trainable.shape) }
    offset += slot.size
    return slot
  })
}

export const parameterCount = (slots: readonly ParameterSlot[]): number =>
  slots.reduce((sum, slot) => sum + slot.size, 0)

/** @throws StageError where a target or a module to save means nothing in this model */
export const checkMethod = (config: ModelConfig, method: TuningMethod): void => {
  if (isFull(method)) return
  const layers = linearLayers(config)
  const names = [...new Set(layers.map(({ module }) => module))].join(', ')
  for (const target of method.targetModules)
    if (target !== ALL_LINEAR && !layers.some(({ path }) => matchesTarget(path, target)))
      throw invalidSpec(
        `method.lora.targetModules: "${target}" is none of the model's linear layers; it has ${names} in layers 0 to ${config.layers - 1}`,
      )
  for (const target of method.modulesToSave ?? [])
    if (!savable(config).some(isSaved(config, { ...method, modulesToSave: [target] })))
      throw invalidSpec(
        `method.lora.modulesToSave: "${target}" is none of the model's embeddings, norms or its output head, such as embed_tokens, lm_head, norm`,
      )
}
