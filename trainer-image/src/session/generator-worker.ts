/** Worker thread of the generator: `run()` of ONNX Runtime blocks the thread that calls it. */
import { parentPort, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import {
  cachedHeadDim,
  needsPositions,
  tableNames,
} from '../model/architectures/cached-attention.ts'
import { ropesOf, rotaryTables } from '../model/rotary.ts'
import { executionProviders } from './execution-providers.ts'
import { generateGreedily, type SlotModel } from './generation-loop.ts'
import { createCache, slotBytes } from './generator-cache.ts'
import type { GenerateRequest, GeneratorReply, GeneratorStart } from './generator-messages.ts'
import { runInPlace } from './in-place.ts'

const MAX_PREFILL_TOKENS = 4096

const start = workerData as GeneratorStart
const { config } = start
const send = (reply: GeneratorReply) => parentPort?.postMessage(reply)

/** (B, S) padded on the right; (B) flat index of each prompt's last token. */
const pad = (prompts: readonly Int32Array[]) => {
  const length = Math.max(...prompts.map(prompt => prompt.length))
  const tokens = new Int32Array(prompts.length * length)
  prompts.forEach((prompt, row) => {
    tokens.set(prompt, row * length)
  })
  const last = Int32Array.from(prompts, (prompt, row) => row * length + prompt.length - 1)
  return { tokens, length, last }
}

const cacheShape = (capacity: number) => ({
  kvHeads: config.kvHeads,
  headDim: cachedHeadDim(config),
  capacity,
})

/** Cosines and sines of each rotation that the model has. */
const tablesOf = (capacity: number): Record<string, Tensor> =>
  Object.fromEntries(
    ropesOf(config).flatMap(rope => {
      const { cos, sin, half } = rotaryTables(config, rope, capacity)
      const names = tableNames(rope)
      const table = (data: Float32Array) => new Tensor('float32', data, [capacity, half])
      return [
        [names.cos, table(cos)],
        [names.sin, table(sin)],
      ]
    }),
  )

/** (B, S): a prompt starts at 0, a single token stands at its slot's last position */
const positionsOf = (length: number, lastPositions: Int32Array): Tensor => {
  const positions = new BigInt64Array(lastPositions.length * length)
  lastPositions.forEach((last, row) => {
    for (let t = 0; t < length; t++) positions[row * length + t] = BigInt(length === 1 ? last : t)
  })
  return new Tensor('int64', positions, [lastPositions.length, length])
}

const createSlotModel = (
  session: InferenceSession,
  slots: number,
  capacity: number,
  adapterScale: number,
): SlotModel => {
  const cache = createCache(slots, cacheShape(capacity))
  const fixed = {
    ...tablesOf(capacity),
    adapter_scale: new Tensor('float32', [adapterScale], [1]),
  }
  /** past and present are the same memory, so that ONNX Runtime writes only the new tokens */
  const bind = (first: number, count: number) => {
    const feeds: Record<string, Tensor> = {}
    const next = new BigInt64Array(count)
    const into: Record<string, Tensor> = { next: new Tensor('int64', next, [count]) }
    for (const { name, data, dims } of cache.view(first, count)) {
      const tensor = new Tensor('float32', data, dims)
      feeds[`past_${name}`] = tensor
      into[`present_${name}`] = tensor
    }
    return { feeds, into, next }
  }
  const bindings = new Map<number, ReturnType<typeof bind>>()
  const run = async (
    { feeds, into, next }: ReturnType<typeof bind>,
    tokens: Int32Array,
    length: number,
    lastIndex: Int32Array,
    lastPositions: Int32Array,
  ) => {
    const rows = lastIndex.length
    const total = lastPositions.reduce((a, b) => Math.max(a, b), 0) + 1
    await runInPlace(
      session,
      {
        ...fixed,
        ...feeds,
        tokens: new Tensor('int32', tokens, [rows, length]),
        last_index: new Tensor('int32', lastIndex, [rows]),
        last_positions: new Tensor('int32', lastPositions, [rows]),
        total_length: new Tensor('int32', [total], []),
        ...(needsPositions(config) ? { positions: positionsOf(length, lastPositions) } : {}),
      },
      into,
    )
    return Int32Array.from(next, Number)
  }
  return {
    prefill: (first, prompts) => {
      const { tokens, length, last } = pad(prompts)
      const positions = Int32Array.from(prompts, prompt => prompt.length - 1)
      return run(bind(first, prompts.length), tokens, length, last, positions)
    },
    decode: (tokens, lengths) => {
      const rows = tokens.length
      const binding = bindings.get(rows) ?? bind(0, rows)
      bindings.set(rows, binding)
      return run(
        binding,
        tokens,
        1,
        tokens.map((_, row) => row),
        lengths,
      )
    },
    move: cache.move,
  }
}

const generate = async (session: InferenceSession, request: GenerateRequest) => {
  const { id, prompts, maxNewTokens } = request
  const longest = prompts.reduce((most, prompt) => Math.max(most, prompt.length), 0)
  const capacity = Math.min(config.maxPositions, longest + maxNewTokens)
  const fitting = Math.floor(request.cacheBytes / slotBytes(cacheShape(capacity)))
  const slots = Math.max(1, Math.min(request.batchSize, prompts.length, fitting))
  const answers = await generateGreedily(
    createSlotModel(session, slots, capacity, request.adapterScale),
    prompts,
    {
      slots,
      maxNewTokens,
      capacity,
      eosTokenIds: config.eosTokenIds,
      maxPrefillTokens: MAX_PREFILL_TOKENS,
      stopped: () => Atomics.load(start.stop, 0) !== 0,
      onAnswer: (prompt, tokens) => send({ kind: 'answer', id, prompt, tokens }),
      onStep: done => send({ kind: 'step', id, ...done }),
    },
  )
  send({ kind: 'done', id, answers })
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

try {
  const session = await InferenceSession.create(start.modelPath, {
    executionProviders: executionProviders(process.env),
    intraOpNumThreads: start.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableCpuMemArena: false,
    enableMemPattern: false,
  })
  parentPort?.on('message', (request: GenerateRequest) => {
    generate(session, request).catch(error =>
      send({ kind: 'failed', id: request.id, message: messageOf(error) }),
    )
  })
  send({ kind: 'ready' })
} catch (error) {
  send({ kind: 'failed', message: messageOf(error) })
}
