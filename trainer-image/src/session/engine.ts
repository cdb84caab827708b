/** The engine itself, on the worker's side: sessions and training state. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { temporaryFor } from '../atomic-file.ts'
import type { Graph } from '../graph/node.ts'
import { writeOnnx } from '../graph/write-onnx.ts'
import { type ParameterSlot, parameterSlots } from '../model/trainable.ts'
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
import { keyOf, type StepSession, stepOf } from './session-key.ts'
import { SessionProfiler } from './session-profiler.ts'
import { fedFrom } from './shared-weights.ts'
import { TokenRows } from './token-rows.ts'
import { parameterFeeds, sumsInPlace } from './trained-feeds.ts'
import { wholeSlots } from './trained-values.ts'
import type { Accumulated, Evaluated, MicroBatch, UpdateOptions } from './training-engine.ts'
import { groupPieces, normProgram, type Piece, piecesOf, updateProgram } from './update-programs.ts'

/** For the update, for its norm, and for the shapes of rows: without packing there are up to eight that keep coming back. */
const MAX_SESSIONS = 10
/** On CUDA each keeps the device memory of its largest run. */
const MAX_CUDA_SESSIONS = 5
/** Of the graphs as files, in all replicas; a session takes some 30 times as much memory. */
const MAX_GRAPH_BYTES = 16 * 2 ** 20

const scalar = (value: number) => new Tensor('float32', [value], [])
const vector = (data: Float32Array) => new Tensor('float32', data, [data.length])
const numberIn = (tensor: Tensor | undefined): number => Number(tensor!.data[0])

/** Leaves nothing of what it adds. */
const addTo = (sums: Float32Array, others: Float32Array): void => {
  for (let i = 0; i < sums.length; i++) sums[i]! += others[i]!
  others.fill(0)
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
  readonly #slots: readonly ParameterSlot[]
  readonly #sessions: SessionCache<InferenceSession>
  readonly #profiler: SessionProfiler | undefined
  readonly #state: FlatState
  readonly #rows: TokenRows
  readonly #sums: Float32Array
  /** the sums, as a step is fed and writes them */
  readonly #added: ReturnType<typeof sumsInPlace>
  /** what each session is fed of the weights */
  readonly #weights = new WeakMap<InferenceSession, Feeds>()

  constructor(start: EngineStart) {
    this.#start = start
    this.#slots = parameterSlots(start.config, start.method)
    this.#state = start.state
    this.#sums = start.sums
    this.#added = sumsInPlace(this.#slots, start.sums)
    const trained = new Set(wholeSlots(this.#slots).map(({ weight }) => weight))
    this.#rows = new TokenRows({ ...start, trained })
    const { profileFolder } = start
    this.#profiler = profileFolder === undefined ? undefined : new SessionProfiler(profileFolder)
    const sessions = usesCuda(process.env) ? MAX_CUDA_SESSIONS : MAX_SESSIONS
    const limits = { sessions, bytes: MAX_GRAPH_BYTES / start.replicas }
    this.#sessions = new SessionCache(limits, key => this.#open(key))
  }

  async open(shape: StepSession): Promise<void> {
    await this.#sessions.get(keyOf(shape))
  }

  async accumulate(batch: MicroBatch, threads: number): Promise<Accumulated> {
    checkBatch(batch)
    if (batch.targetTokens.length === 0) return { lossSum: 0 }
    const session = await this.#sessions.get(keyOf({ kind: 'train', ...batch, threads }))
    const feeds = {
      ...this.#weights.get(session),
      ...batchFeeds(batch),
      ...this.#rows.feeds(batch, true),
      ...this.#parameters(batch),
      ...dropoutFeeds(this.#start, batch),
      ...noiseFeeds(this.#start, batch),
      ...this.#added.feeds,
      ...(scalesLoss(this.#start.half) ? { loss_scale: scalar(batch.lossScale ?? 1) } : {}),
      zero: scalar(0),
    }
    const lossSum = scalar(0)
    await runInPlace(session, feeds, { loss_sum: lossSum, ...this.#added.into })
    this.#profiler?.ran(session)
    return { lossSum: numberIn(lossSum) }
  }

  async evaluate(batch: MicroBatch, threads: number): Promise<Evaluated> {
    checkBatch(batch)
    if (batch.targetTokens.length === 0) return { lossSum: 0, correct: 0 }
    const session = await this.#sessions.get(keyOf({ kind: 'evaluate', ...batch, threads }))
    const out = await session.run({
      ...this.#weights.get(session),
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
    for (const others of this.#start.otherSums ?? []) addTo(this.#sums, others)
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
    return parameterFeeds(this.#start.config, this.#slots, this.#state.parameters, rows * length)
  }

  async #open(key: string): Promise<Opened<InferenceSession>> {
    const path = temporaryFor(join(this.#start.folder, 'graph.onnx'))
    const { sharedWeights } = this.#start
    const mapped = this.#graph(key)
    const { graph, feeds } = sharedWeights ? fedFrom(sharedWeights, mapped) : { graph: mapped }
    const bytes = writeOnnx(graph)
    await writeFile(path, bytes)
    try {
      const session = await InferenceSession.create(path, {
        ...this.#options(stepOf(key)?.threads ?? this.#start.threads),
        ...this.#profiler?.options(key),
      })
      if (feeds) this.#weights.set(session, feeds)
      return { session, bytes: bytes.length }
    } finally {
      // who took the folder over may have removed it
      await rm(path, { force: true })
    }
  }

  #options(threads: number): InferenceSession.SessionOptions {
    return {
      executionProviders: executionProviders(process.env),
      intraOpNumThreads: threads,
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
    const step = stepOf(key)
    if (!step) throw new TypeError(`no graph is called ${key}`)
    const { kind, rows, length } = step
    const program = { ...this.#start, rows, length, cuda: usesCuda(process.env) }
    return kind === 'train' ? trainProgram(program) : evaluateProgram(program)
  }
}
