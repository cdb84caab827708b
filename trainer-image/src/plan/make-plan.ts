/** What a training run will take, and in which pieces it is computed: pure arithmetic over model, data and spec. */
import type { Plan } from '@attune/crds/stage.ts'
import { isFull, type TuningMethod } from '../model/adapter.ts'
import { tuningMethodOf } from '../model/adapter-config.ts'
import { lastStep } from '../train/steps.ts'
import { choosePieces, devicesOf, memoryFor, memoryOf, type PlanInputs } from './choose-pieces.ts'
import { modelParameters, trainableParameters } from './estimate-memory.ts'

/** Sustained, measured on a core with AVX-512 at shapes of a 135M model. */
const CPU_CORE_FLOPS = 110e9
/** A third of the float32 rate of a data-centre GPU with tensor cores. */
const ACCELERATOR_FLOPS = 25e12

/**
 * FLOP of one pass over the data. Per token and weight: 2 forward and 2 backward, and 2 more for the gradient of a
 * weight that is trained; 2 more in layers that are recomputed. The output head sees only the tokens that are learned;
 * where it is trained, its logits are computed twice.
 */
const epochFlops = (inputs: PlanInputs, method: TuningMethod, recomputed: number): number => {
  const { config, dataset } = inputs
  const head = config.vocabSize * config.hiddenSize
  const embeddings = config.tieWordEmbeddings ? head : 2 * head
  const body = modelParameters(config) - embeddings
  const again = (2 * recomputed) / config.layers
  if (isFull(method))
    return dataset.trainTokens * (6 + again) * body + dataset.responseTokens * 8 * head
  const trained = trainableParameters(config, method)
  return (
    dataset.trainTokens * ((4 + again) * body + 6 * trained) + dataset.responseTokens * 4 * head
  )
}

export const makePlan = (inputs: PlanInputs): Plan => {
  const { config, spec, dataset, cores } = inputs
  const chosen = choosePieces(inputs)
  const { batchSize } = spec.training
  const method = tuningMethodOf(spec.method)
  const { replicas: _, ...pieces } = chosen
  const steps = lastStep({ rows: dataset.rows, batchSize }, spec.training)
  const epochs = steps / Math.ceil(dataset.rows / batchSize)
  const devices = devicesOf(inputs)
  const rate = devices > 0 ? ACCELERATOR_FLOPS * devices : CPU_CORE_FLOPS * cores
  const limit = memoryFor(inputs)
  const estimatedMemoryBytes = memoryOf(inputs, chosen)
  return {
    modelParameters: modelParameters(config),
    trainableParameters: trainableParameters(config, method),
    totalSteps: steps,
    tokensPerStep: Math.round(
      (dataset.trainTokens / dataset.rows) * Math.min(batchSize, dataset.rows),
    ),
    ...pieces,
    recompute: pieces.recomputedLayers > 0,
    estimatedMemoryBytes: Math.round(estimatedMemoryBytes),
    estimatedSeconds: Math.ceil(
      (epochs * epochFlops(inputs, method, pieces.recomputedLayers)) / rate,
    ),
    ...(limit.of ? { fits: estimatedMemoryBytes <= limit.bytes, memoryLimit: limit.of } : {}),
  }
}
