/** Makes the training engine: weights on disk once, then worker threads that answer commands. */
import { mkdir } from 'node:fs/promises'
import { type AdapterTensors, isFull, type TuningMethod } from '../model/adapter.ts'
import type { ModelConfig, Weights } from '../model/config.ts'
import { fillInitial } from '../model/lora-init.ts'
import { roundedWeights } from '../model/quantization.ts'
import { parameterSlots } from '../model/trainable.ts'
import type { HalfType } from '../precision/half-type.ts'
import type { Quantization } from '../weights/quantize-blocks.ts'
import type { FlatState } from './engine-messages.ts'
import { emptyState, flatten, STATE_PARTS, unflatten } from './flat-state.ts'
import type { Recompute } from './programs.ts'
import { type EngineSettings, type Replicas, startReplicas } from './replica-threads.ts'
import { replicasFor } from './replicas.ts'
import { readShared, roomForShared } from './shared-weights.ts'
import type { Accumulated, EngineState, Evaluated, TrainingEngine } from './training-engine.ts'
import { layOut, storeWeights } from './weights-file.ts'

export type TrainingEngineOptions = {
  readonly config: ModelConfig
  /** read to the end before the engine is returned; the caller closes them */
  readonly weights: Weights
  /** content address of the weights: a copy in the scratch folder made for the same one is used again */
  readonly weightsDigest?: string
  readonly method: TuningMethod
  /** the frozen linear layers are kept in few bits */
  readonly quantization?: Quantization
  /** a fresh start, parameters to go on from, or the state of an earlier engine */
  readonly start:
    | { readonly seed: number }
    | { readonly parameters: AdapterTensors }
    | {
        readonly state: EngineState
        /** taken over as the engine's own: what of the state lies there is not copied */
        readonly flat?: FlatState
      }
  /** of dropout's masks and the embeddings' noise; 0 if absent */
  readonly seed?: number
  /** largest number that training adds to an embedding (NEFTune); nothing if absent */
  readonly noiseBound?: number
  /** share of a target's probability that training spreads over the vocabulary; 0 if absent */
  readonly labelSmoothing?: number
  /** type of the layers' products; float32 if absent */
  readonly half?: HalfType
  /** of which layers only the input is kept for the backward pass: less memory, up to a third more time */
  readonly recompute: Recompute
  readonly scratchFolder: string
  /** of ONNX Runtime; results are equal to the bit only at the same number */
  readonly threads: number
  /** that part the rows of a micro-batch and the threads evenly, see replicas.ts; 1 if absent. Results differ by it as by threads. */
  readonly replicas?: number
  /** gets ONNX Runtime's profiles of the first steps; changes no result */
  readonly profileFolder?: string
}

const stateOf = async ({
  config,
  method,
  weights,
  quantization,
  start,
}: TrainingEngineOptions): Promise<FlatState> => {
  const slots = parameterSlots(config, method)
  if ('state' in start) {
    const flat = start.flat ?? emptyState(slots)
    for (const part of STATE_PARTS) flatten(slots, start.state[part], flat[part])
    return flat
  }
  const flat = emptyState(slots)
  if ('parameters' in start) flatten(slots, start.parameters, flat.parameters)
  else {
    const rounded = roundedWeights(weights, config, quantization)
    await fillInitial(flat.parameters, slots, rounded, start.seed)
  }
  return flat
}

/** Where everything is trained nothing is frozen. @returns where each weight will lie */
const frozenOf = ({ config, method, quantization, half }: TrainingEngineOptions) =>
  isFull(method) ? [] : layOut(config, quantization, half)

const storeFrozen = async (options: TrainingEngineOptions): Promise<void> => {
  const { config, method, weights, weightsDigest, quantization, half } = options
  if (isFull(method)) return
  await storeWeights({
    folder: options.scratchFolder,
    config,
    weights,
    ...(weightsDigest === undefined ? {} : { digest: weightsDigest }),
    ...(quantization ? { quantization } : {}),
    ...(half ? { half } : {}),
  })
}

/** Threads load their code while the weights are stored. */
const startEngines = async (
  options: TrainingEngineOptions,
  start: EngineSettings,
): Promise<Replicas> => {
  const engines = startReplicas(start)
  try {
    await storeFrozen(options)
    const { folder, weights, sharedWeights } = start
    if (sharedWeights) await readShared(sharedWeights, folder, weights, options.config)
    return engines
  } catch (error) {
    await engines.close()
    throw error
  }
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

export const createTrainingEngine = async (
  options: TrainingEngineOptions,
): Promise<TrainingEngine> => {
  const { config, method, recompute, threads, replicas = 1, seed = 0 } = options
  const { scratchFolder: folder } = options
  const { noiseBound, labelSmoothing, half, profileFolder } = options
  if (replicasFor({ ...options, rows: replicas }) !== replicas)
    throw new TypeError(`${replicas} replicas of ${threads} threads cannot compute this training`)
  const state = await stateOf(options)
  await mkdir(folder, { recursive: true })
  const weights = frozenOf(options)
  // The library reads this from the process's environment when it is loaded, and a worker's env is a copy.
  process.env['ORT_DISABLE_TELEMETRY'] = '1'
  const start: EngineSettings = {
    config,
    method,
    seed,
    weights,
    state,
    recompute,
    folder,
    threads,
    replicas,
    ...(replicas > 1 ? { sharedWeights: roomForShared(weights) } : {}),
    ...(noiseBound === undefined ? {} : { noiseBound }),
    ...(labelSmoothing === undefined ? {} : { labelSmoothing }),
    ...(half ? { half } : {}),
    ...(profileFolder === undefined ? {} : { profileFolder }),
  }
  const engines = await startEngines(options, start)
  return {
    open: async (use, batch) => {
      const kind = use === 'accumulate' ? 'train' : 'evaluate'
      if (batch.targetTokens.length > 0)
        await engines.share(batch, ({ rows, length }, each) => {
          return { kind: 'open', session: { kind, rows, length, threads: each } }
        })
    },
    accumulate: async batch => {
      const parts = await engines.share<Accumulated>(batch, (part, each) => {
        return { kind: 'accumulate', batch: part, threads: each }
      })
      return { lossSum: sumOf(parts.map(({ lossSum }) => lossSum)) }
    },
    evaluate: async batch => {
      const parts = await engines.share<Evaluated>(batch, (part, each) => {
        return { kind: 'evaluate', batch: part, threads: each }
      })
      return {
        lossSum: sumOf(parts.map(({ lossSum }) => lossSum)),
        correct: sumOf(parts.map(({ correct }) => correct)),
      }
    },
    update: update => engines.first({ kind: 'update', options: update }),
    state: async () => {
      // what was told before may still change it
      await engines.idle()
      const slots = parameterSlots(config, method)
      return {
        parameters: unflatten(slots, state.parameters),
        firstMoments: unflatten(slots, state.firstMoments),
        secondMoments: unflatten(slots, state.secondMoments),
      }
    },
    close: () => engines.close(),
  }
}
