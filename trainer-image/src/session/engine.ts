/** The engine itself, on the worker's side: sessions and training state. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { temporaryFor } from '../atomic-file.ts'
import { vocabularyRanges } from '../autodiff/composites/vocabulary-ranges.ts'
import type { Graph } from '../graph/node.ts'
import { writeOnnx } from '../graph/write-onnx.ts'
import { headWeightName } from '../model/linear-layers.ts'
import { type ParameterSlot, parameterCount, parameterSlots } from '../model/trainable.ts'
import { clipFactor, updateScalars } from '../optim/adamw.ts'
import { scalesLoss } from '../precision/half-type.ts'
import { batchFeeds, type Feeds } from './batch-feeds.ts'
import { dropoutFeeds } from './dropout.ts'
import { noiseFeeds } from './embedding-noise.ts'
import type { EngineStart, FlatState } from './engine-messages.ts'
import { executionProviders, usesCuda } from './execution-providers.ts'
import { runInPlace } from './in-place.ts'
import { evaluateProgram, trainProgram } from './programs.ts'
import { type Opened, SessionCache } from './session-cache.ts'
import { SessionProfiler } from './session-profiler.ts'
import { TokenRows } from './token-rows.ts'
import {
  ADAPTER,
  ADAPTER_SUMS,
  adapterSlots,
  after,
  wholeInput,
  wholeSlots,
  wholeSums,
} from './trained-values.ts'
import type { MicroBatch, UpdateOptions } from './training-engine.ts'
import { groupPieces, normProgram, type Piece, piecesOf, updateProgram } from './update-programs.ts'

/** For the update, for its norm, and for the shapes of rows: without packing there are up to eight that keep coming back. */
const MAX_SESSIONS = 10
/** On CUDA each keeps the device memory of its largest run. */
const MAX_CUDA_SESSIONS = 5
/** Of the graphs as files; a session takes some 30 times as much memory. */
const MAX_GRAPH_BYTES = 16 * 2 ** 20

const scalar = (value: number) => new Tensor('float32', [value], [])
const tensor = (data: Float32Array, shape: readonly number[]) => new Tensor('float32', data, shape)
const vector = (data: Float32Array) => tensor(data, [data.length])
const numberIn = (tensor: Tensor | undefined): number => Number(tensor!.data[0])

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
  readonly #slots: readonly ParameterSlot[]
  readonly #sessions: SessionCache<InferenceSession>
  readonly #profiler: SessionProfiler | undefined
  readonly #state: FlatState
  readonly #rows: TokenRows
  /** of the gradients since the last update; a run adds to them in place */
  readonly #sums: Float32Array

  constructor(start: EngineStart) {
    this.#start = start
    this.#slots = parameterSlots(start.config, start.method)
    this.#state = start.state
    this.#sums = new Float32Array(start.state.parameters.length)
    const trained = new Set(wholeSlots(this.#slots).map(({ weight }) => weight))
    this.#rows = new TokenRows({ ...start, trained })
    const { profileFolder } = start
    this.#profiler = profileFolder === undefined ? undefined : new SessionProfiler(profileFolder)
    const sessions = usesCuda(process.env) ? MAX_CUDA_SESSIONS : MAX_SESSIONS
    const limits = { sessions, bytes: MAX_GRAPH_BYTES }
    this.#sessions = new SessionCache(limits, key => this.#open(key))
  }

  async open(
    use: 'accumulate' | 'evaluate',
    { rows, length }: Pick<MicroBatch, 'rows' | 'length'>,
  ): Promise<void> {
    await this.#sessions.get(`${use === 'accumulate' ? 'train' : 'evaluate'}-${rows}x${length}`)
  }

  async accumulate(batch: MicroBatch): Promise<{ readonly lossSum: number }> {
    checkBatch(batch)
    if (batch.targetTokens.length === 0) return { lossSum: 0 }
    const session = await this.#sessions.get(`train-${batch.rows}x${batch.length}`)
    const sums = this.#sumTensors()
    const added = Object.entries(sums).map(([name, there]) => [after(name), there])
    const feeds = {
      ...batchFeeds(batch),
      ...this.#rows.feeds(batch, true),
      ...this.#parameters(batch),
      ...dropoutFeeds(this.#start, batch),
      ...noiseFeeds(this.#start, batch),
      ...sums,
      ...(scalesLoss(this.#start.half) ? { loss_scale: scalar(batch.lossScale ?? 1) } : {}),
      zero: scalar(0),
    }
    const lossSum = scalar(0)
    await runInPlace(session, feeds, { loss_sum: lossSum, ...Object.fromEntries(added) })
    this.#profiler?.ran(session)
    return { lossSum: numberIn(lossSum) }
  }

  async evaluate(
    batch: MicroBatch,
  ): Promise<{ readonly lossSum: number; readonly correct: number }> {
    checkBatch(batch)
    if (batch.targetTokens.length === 0) return { lossSum: 0, correct: 0 }
    const session = await this.#sessions.get(`evaluate-${batch.rows}x${batch.length}`)
    const out = await session.run({
      ...batchFeeds(batch),
      ...this.#rows.feeds(batch, false),
      ...this.#parameters(batch),
    })
    return {
      lossSum: numberIn(out['loss_sum'] as Tensor),
      correct: numberIn(out['correct'] as Tensor),
    }
  }

  async update({ lossScale = 1, ...given }: UpdateOptions): Promise<{
    readonly gradientNorm: number
  }> {
    // a power of two: dividing by it changes no digit
    const options = { ...given, targets: given.targets * lossScale }
    const gradientNorm = await this.#gradientNorm(options.targets)
    if (!Number.isFinite(gradientNorm)) {
      this.#sums.fill(0)
      return { gradientNorm }
    }
    const clip = clipFactor(options.maxGradientNorm, gradientNorm)
    const session = await this.#sessions.get('update')
    for (const piece of groupPieces(this.#slots)) {
      const scalars = Object.entries(updateScalars(options, piece, clip))
      const { parameters, firstMoments, secondMoments } = this.#state
      const inPlace = (name: string, data: Float32Array) => {
        const there = vector(data.subarray(piece.start, piece.end))
        return { feed: { [name]: there }, into: { [`${name}_after`]: there } }
      }
      const state = [
        inPlace('parameters', parameters),
        inPlace('first_moments', firstMoments),
        inPlace('second_moments', secondMoments),
      ]
      const feeds = Object.assign(
        { gradient_sums: vector(this.#sums.subarray(piece.start, piece.end)) },
        ...scalars.map(([name, value]) => ({ [name]: scalar(value) })),
        ...state.map(({ feed }) => feed),
      )
      await runInPlace(session, feeds, Object.assign({}, ...state.map(({ into }) => into)))
    }
    this.#profiler?.ran(session)
    this.#sums.fill(0)
    return { gradientNorm }
  }

  async #gradientNorm(targets: number): Promise<number> {
    const session = await this.#sessions.get('norm')
    const squares = async ({ start, end }: Piece) => {
      const feeds = {
        gradient_sums: vector(this.#sums.subarray(start, end)),
        targets: scalar(targets),
      }
      return numberIn((await session.run(feeds))['sum_of_squares'] as Tensor)
    }
    let sum = 0
    for (const piece of piecesOf(this.#sums.length)) sum += await squares(piece)
    this.#profiler?.ran(session)
    return Math.fround(Math.sqrt(sum))
  }

  async close(): Promise<void> {
    await this.#sessions.close()
    this.#rows.close()
  }

  #parameters({ rows, length }: MicroBatch): Feeds {
    const { config } = this.#start
    const { parameters } = this.#state
    const count = parameterCount(adapterSlots(this.#slots))
    const whole = wholeSlots(this.#slots).flatMap(({ weight, shape, offset, size }) => {
      const data = parameters.subarray(offset, offset + size)
      const [, columns = 0] = shape
      const ranges =
        weight === headWeightName(config) ? vocabularyRanges(config.vocabSize, rows * length) : []
      const blocks = ranges.map(({ start, end }) => [
        wholeInput(weight, start),
        tensor(data.subarray(start * columns, end * columns), [end - start, columns]),
      ])
      return [[wholeInput(weight), tensor(data, shape)], ...blocks]
    })
    return {
      ...(count > 0 ? { [ADAPTER]: vector(parameters.subarray(0, count)) } : {}),
      ...Object.fromEntries(whole),
    }
  }

  #sumTensors(): Feeds {
    const count = parameterCount(adapterSlots(this.#slots))
    const whole = wholeSlots(this.#slots).map(({ weight, shape, offset, size }) => [
      wholeSums(weight),
      tensor(this.#sums.subarray(offset, offset + size), shape),
    ])
    return {
      ...(count > 0 ? { [ADAPTER_SUMS]: vector(this.#sums.subarray(0, count)) } : {}),
      ...Object.fromEntries(whole),
    }
  }

  async #open(key: string): Promise<Opened<InferenceSession>> {
    const path = temporaryFor(join(this.#start.folder, 'graph.onnx'))
    const bytes = writeOnnx(this.#graph(key))
    await writeFile(path, bytes)
    try {
      const session = await InferenceSession.create(path, {
        ...this.#options(),
        ...this.#profiler?.options(key),
      })
      return { session, bytes: bytes.length }
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
      // Measured: in float32 on the CPU the same bits, speed and memory either way, but its passes take seconds.
      graphOptimizationLevel: usesCuda(process.env) || this.#start.half ? 'all' : 'disabled',
      // Measured: the same speed, and less memory where rows are long.
      enableCpuMemArena: false,
      enableMemPattern: false,
      // Threads spin for the next operator's work, and stop at the end of a run.
      extra: { session: { disable_prepacking: '1', force_spinning_stop: '1' } },
    }
  }

  #graph(key: string): Graph {
    if (key === 'norm') return normProgram()
    if (key === 'update') return updateProgram()
    const [kind, shape] = key.split('-')
    const [rows, length] = shape!.split('x').map(Number)
    const cuda = usesCuda(process.env)
    const program = { ...this.#start, rows: rows!, length: length!, cuda }
    return kind === 'train' ? trainProgram(program) : evaluateProgram(program)
  }
}
