/** Makes the training engine: weights on disk once, then a worker thread that answers commands. */
import { mkdir } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { type AdapterTensors, isFull, type TuningMethod } from '../model/adapter.ts'
import type { ModelConfig, Weights } from '../model/config.ts'
import { fillInitial } from '../model/lora-init.ts'
import { roundedWeights } from '../model/quantization.ts'
import { parameterSlots } from '../model/trainable.ts'
import type { HalfType } from '../precision/half-type.ts'
import type { Quantization } from '../weights/quantize-blocks.ts'
import type { EngineCommand, EngineReply, EngineStart, FlatState } from './engine-messages.ts'
import { emptyState, flatten, STATE_PARTS, unflatten } from './flat-state.ts'
import type { Recompute } from './programs.ts'
import type { EngineState, TrainingEngine } from './training-engine.ts'
import { type StoredWeight, storeWeights } from './weights-file.ts'

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

/** Where everything is trained nothing is frozen. */
const storeFrozen = async (options: TrainingEngineOptions): Promise<readonly StoredWeight[]> => {
  const { config, method, weights, weightsDigest, quantization, half } = options
  if (isFull(method)) return []
  return storeWeights({
    folder: options.scratchFolder,
    config,
    weights,
    ...(weightsDigest === undefined ? {} : { digest: weightsDigest }),
    ...(quantization ? { quantization } : {}),
    ...(half ? { half } : {}),
  })
}

/** Room for what making a graph leaves behind, which V8 keeps once it has it: with its own 48 MB no graph is made faster. */
const YOUNG_GENERATION_MEGABYTES = 4

type Pending = {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

/** @returns a function that sends a command and waits for its answer; a dead worker fails every command */
const callsOf = (worker: Worker) => {
  const pending = new Map<number, Pending>()
  let count = 0
  let dead: Error | undefined
  const die = (error: Error) => {
    dead ??= error
    for (const { reject } of pending.values()) reject(error)
    pending.clear()
  }
  worker.on('error', error => die(error instanceof Error ? error : new Error(String(error))))
  worker.on('exit', code => die(new Error(`the training engine's thread ended with code ${code}`)))
  worker.on('message', (reply: EngineReply) => {
    const waiting = pending.get(reply.id)
    pending.delete(reply.id)
    if ('error' in reply) waiting?.reject(new Error(`training engine: ${reply.error}`))
    else waiting?.resolve(reply.result)
  })
  return <T>(command: EngineCommand): Promise<T> => {
    if (dead) return Promise.reject(dead)
    count += 1
    const id = count
    return new Promise<T>((resolve, reject) => {
      pending.set(id, { resolve: result => resolve(result as T), reject })
      worker.postMessage({ ...command, id })
    })
  }
}

export const createTrainingEngine = async (
  options: TrainingEngineOptions,
): Promise<TrainingEngine> => {
  const { config, method, recompute, threads, seed = 0, scratchFolder: folder } = options
  const { noiseBound, labelSmoothing, half, profileFolder } = options
  const state = await stateOf(options)
  await mkdir(folder, { recursive: true })
  const weights = await storeFrozen(options)
  // The library reads this from the process's environment when it is loaded, and a worker's env is a copy.
  process.env['ORT_DISABLE_TELEMETRY'] = '1'
  const start: EngineStart = {
    config,
    method,
    seed,
    weights,
    state,
    recompute,
    folder,
    threads,
    ...(noiseBound === undefined ? {} : { noiseBound }),
    ...(labelSmoothing === undefined ? {} : { labelSmoothing }),
    ...(half ? { half } : {}),
    ...(profileFolder === undefined ? {} : { profileFolder }),
  }
  const worker = new Worker(new URL('./engine-worker.ts', import.meta.url), {
    workerData: start,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MEGABYTES },
  })
  const call = callsOf(worker)
  return {
    open: async (use, { rows, length, targetTokens }) => {
      if (targetTokens.length > 0) await call({ kind: 'open', use, rows, length })
    },
    accumulate: batch => call({ kind: 'accumulate', batch }),
    evaluate: batch => call({ kind: 'evaluate', batch }),
    update: update => call({ kind: 'update', options: update }),
    state: async () => {
      // what the worker was told before may still change it
      await call({ kind: 'wait' })
      const slots = parameterSlots(config, method)
      return {
        parameters: unflatten(slots, state.parameters),
        firstMoments: unflatten(slots, state.firstMoments),
        secondMoments: unflatten(slots, state.secondMoments),
      }
    },
    close: async () => {
      try {
        await call({ kind: 'close' })
      } finally {
        await worker.terminate()
      }
    },
  }
}
