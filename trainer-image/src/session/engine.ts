/** The engine itself, on the worker's side: sessions and training state. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { temporaryFor } from '../atomic-file.ts'
import type { Graph } from '../graph/node.ts'
import { writeOnnx } from '../graph/write-onnx.ts'
import { updateScalars } from '../optim/adamw.ts'
import type { EngineStart, FlatState } from './engine-messages.ts'
import { executionProviders } from './execution-providers.ts'
import { evaluateProgram, trainProgram, updateProgram } from './programs.ts'
import { SessionCache } from './session-cache.ts'
import { SessionProfiler } from './session-profiler.ts'
import type { MicroBatch, UpdateOptions } from './training-engine.ts'

/** Graphs of one shape each; row lengths come in steps of 64, so few are alive at a time. */
const MAX_SESSIONS = 4

type Feeds = Record<string, Tensor>

const scalar = (value: number) => new Tensor('float32', [value], [])
const vector = (data: Float32Array) => new Tensor('float32', data, [data.length])
const numberIn = (tensor: Tensor | undefined): number => Number(tensor!.data[0])

const batchFeeds = (batch: MicroBatch): Feeds => {
  const { rows, length, targetPositions, targetTokens } = batch
  const shape = [rows, length]
  return {
    tokens: new Tensor('int32', batch.tokens, shape),
    positions: new Tensor('int64', BigInt64Array.from(batch.positions, BigInt), shape),
    segments: new Tensor('int32', batch.segments, shape),
    target_positions: new Tensor('int32', targetPositions, [targetPositions.length]),
    target_tokens: new Tensor('int32', targetTokens, [targetTokens.length]),
  }
}

const checkBatch = (batch: MicroBatch): void => {
  const size = batch.rows * batch.length
  for (const name of ['tokens', 'positions', 'segments'] as const)
    if (batch[name].length !== size)
      throw new TypeError(`${name} has ${batch[name].length} values, not ${size}`)
  if (batch.targetPositions.length !== batch.targetTokens.length)
    throw new TypeError('a batch has a target token for each target position')
  if (batch.targetPositions.some(position => position < 0 || position >= size))
    throw new TypeError(`a target position lies outside the batch's ${size} tokens`)
}

export class Engine {
  readonly #start: EngineStart
  readonly #sessions: SessionCache
  readonly #profiler: SessionProfiler | undefined
  #state: FlatState
  /** Written by turns, so that a run never writes what it reads. */
  #sums: readonly [Float32Array, Float32Array]

  constructor(start: EngineStart) {
    const count = start.state.parameters.length
    this.#start = start
    this.#state = start.state
    this.#sums = [new Float32Array(count), new Float32Array(count)]
    const { profileFolder } = start
    this.#profiler = profileFolder === undefined ? undefined : new SessionProfiler(profileFolder)
    this.#sessions = new SessionCache(MAX_SESSIONS, key => this.#open(key))
  }

  async accumulate(batch: MicroBatch): Promise<{ readonly lossSum: number }> {
    checkBatch(batch)
    if (batch.targetTokens.length === 0) return { lossSum: 0 }
    const session = await this.#sessions.get(`train-${batch.rows}x${batch.length}`)
    const [before, after] = this.#sums
    const feeds = {
      ...batchFeeds(batch),
      ...this.#parameters(),
      gradient_sums: vector(before),
      zero: scalar(0),
    }
    const fetches = { loss_sum: null, gradient_sums_after: vector(after) }
    const { loss_sum } = await session.run(feeds, fetches)
    this.#profiler?.ran(session)
    this.#sums = [after, before]
    return { lossSum: numberIn(loss_sum as Tensor) }
  }

  async evaluate(
    batch: MicroBatch,
  ): Promise<{ readonly lossSum: number; readonly correct: number }> {
    checkBatch(batch)
    if (batch.targetTokens.length === 0) return { lossSum: 0, correct: 0 }
    const session = await this.#sessions.get(`evaluate-${batch.rows}x${batch.length}`)
    const out = await session.run({ ...batchFeeds(batch), ...this.#parameters() })
    return {
      lossSum: numberIn(out['loss_sum'] as Tensor),
      correct: numberIn(out['correct'] as Tensor),
    }
  }

  async update(options: UpdateOptions): Promise<{ readonly gradientNorm: number }> {
    const session = await this.#sessions.get('update')
    const scalars = Object.entries(updateScalars(options)).map(([name, value]) => [
      name,
      scalar(value),
    ])
    const [sums, spare] = this.#sums
    const out = await session.run({
      ...Object.fromEntries(scalars),
      ...this.#parameters(),
      first_moments: vector(this.#state.firstMoments),
      second_moments: vector(this.#state.secondMoments),
      gradient_sums: vector(sums),
    })
    this.#profiler?.ran(session)
    const data = (name: string) => (out[name] as Tensor).data as Float32Array
    this.#state = {
      parameters: data('parameters_after'),
      firstMoments: data('first_moments_after'),
      secondMoments: data('second_moments_after'),
    }
    this.#sums = [sums.fill(0), spare]
    return { gradientNorm: numberIn(out['gradient_norm'] as Tensor) }
  }

  state(): FlatState {
    return this.#state
  }

  close(): Promise<void> {
    return this.#sessions.close()
  }

  #parameters(): Feeds {
    return { parameters: vector(this.#state.parameters) }
  }

  async #open(key: string): Promise<InferenceSession> {
    const path = temporaryFor(join(this.#start.folder, 'graph.onnx'))
    await writeFile(path, writeOnnx(this.#graph(key)))
    try {
      return await InferenceSession.create(path, {
        ...this.#options(),
        ...(key.startsWith('evaluate') ? {} : this.#profiler?.options(key)),
      })
    } finally {
      // who took the folder over may have removed it
      await rm(path, { force: true })
    }
  }

  #options(): InferenceSession.SessionOptions {
    return {
      executionProviders: executionProviders(process.env),
      intraOpNumThreads: this.#start.threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // Measured: the same speed, and less memory where rows are long.
      enableCpuMemArena: false,
      enableMemPattern: false,
      // Threads spin for the next operator's work, and stop at the end of a run.
      extra: { session: { disable_prepacking: '1', force_spinning_stop: '1' } },
    }
  }

  #graph(key: string): Graph {
    if (key === 'update') return updateProgram(this.#state.parameters.length)
    const [kind, shape] = key.split('-')
    const [rows, length] = shape!.split('x').map(Number)
    const program = { ...this.#start, rows: rows!, length: length! }
    return kind === 'train' ? trainProgram(program) : evaluateProgram(program)
  }
}
