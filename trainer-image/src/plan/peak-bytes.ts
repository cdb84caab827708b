/** How many bytes the values of a graph hold at once, at most, when ONNX Runtime runs it. */
import {
  type Dimension,
  type ElementType,
  type Graph,
  type Node,
  readsOf,
  type Value,
} from '../graph/node.ts'
import { executionOrder } from './execution-order.ts'

const BYTES: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  uint8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
  uint4: 0.5,
}

/** Give their input on as it is. */
const ALIASES: ReadonlySet<string> = new Set(['Reshape', 'Identity', 'Squeeze', 'Unsqueeze'])
/** Write over an input of the same size that nobody reads later. */
const IN_PLACE: ReadonlySet<string> = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Neg',
  'Exp',
  'Log',
  'Sqrt',
  'Sigmoid',
])

/** @returns the size of a symbolic dimension */
export type Sizes = (dimension: string) => number | undefined

/** Of `256+2*N`: sums of products, as operators that join or flatten name what they make. */
const sizeOf = (dimension: Dimension, sizes: Sizes): number => {
  if (typeof dimension === 'number') return dimension
  const size = sizes(dimension)
  if (size !== undefined) return size
  const parts = (operator: string) => dimension.split(operator)
  if (dimension.includes('+')) return parts('+').reduce((sum, part) => sum + sizeOf(part, sizes), 0)
  if (dimension.includes('*')) return parts('*').reduce((all, part) => all * sizeOf(part, sizes), 1)
  if (/^\d+$/.test(dimension)) return Number(dimension)
  throw new TypeError(`dimension ${dimension} has no size`)
}
type IsGiven = (output: string) => boolean

const bytesOf = ({ type, shape }: Value, sizes: Sizes): number =>
  shape.reduce<number>((bytes, dimension) => bytes * sizeOf(dimension, sizes), BYTES[type])

/** A piece of memory, from the step that first writes it to the last that reads it. */
type Buffer = {
  readonly bytes: number
  readonly kind: string
  readonly from: number
  to: number
  /** still to come */
  reads: number
}

/**
 * Gives every value its piece of memory as ONNX Runtime's AllocationPlanner does: a value may take the place of a dead
 * one of its type and shape. In between nobody else gets that piece, so it counts as held.
 */
class Allocation {
  readonly buffers: Buffer[] = []
  readonly #sizes: Sizes
  readonly #isGiven: IsGiven
  readonly #of = new Map<string, Buffer>()
  readonly #reads = new Map<string, number>()
  readonly #dead = new Map<string, Buffer[]>()
  #step = 0

  constructor({ nodes, outputs }: Graph, sizes: Sizes, isGiven: IsGiven) {
    this.#sizes = sizes
    this.#isGiven = isGiven
    for (const value of [...nodes.flatMap(readsOf), ...outputs])
      if (value) this.#reads.set(value.name, this.#readsOf(value) + 1)
  }

  run(node: Node): void {
    const outputs = node.outputs.filter(output => output && !this.#isGiven(output.name)) as Value[]
    for (const output of outputs) {
      const buffer = this.#given(node, output) ?? this.#reused(output) ?? this.#made(output)
      buffer.reads += this.#readsOf(output)
      this.#of.set(output.name, buffer)
    }
    for (const { kind, value } of Object.values(node.attributes))
      if (kind === 'graph') this.#passing(peakBytes(value, this.#sizes) + this.#bytesOf(outputs))
    for (const read of readsOf(node)) this.#drop(read, 1)
    for (const output of outputs) this.#drop(output, 0)
    this.#step += 1
  }

  #bytesOf = (values: readonly Value[]): number =>
    values.reduce((sum, value) => sum + bytesOf(value, this.#sizes), 0)

  /** What a graph inside the node holds while it runs; a Loop joins at its end what its turns gave, so has that twice. */
  #passing(bytes: number): void {
    const step = this.#step
    this.buffers.push({ bytes, kind: 'inner', from: step, to: step, reads: 0 })
  }

  #readsOf = (value: Value): number => this.#reads.get(value.name) ?? 0

  /** @returns the buffer of an input that the output goes on using; inputs and weights of the graph have none */
  #given({ operator, inputs }: Node, output: Value): Buffer | undefined {
    const buffers = inputs.map(input => input && this.#of.get(input.name))
    if (ALIASES.has(operator)) return buffers[0]
    if (!IN_PLACE.has(operator)) return undefined
    const bytes = bytesOf(output, this.#sizes)
    return buffers.find(buffer => buffer?.reads === 1 && buffer.bytes === bytes)
  }

  #reused = (value: Value): Buffer | undefined => this.#dead.get(kindOf(value))?.pop()

  #made(value: Value): Buffer {
    const bytes = bytesOf(value, this.#sizes)
    const buffer = { bytes, kind: kindOf(value), from: this.#step, to: this.#step, reads: 0 }
    this.buffers.push(buffer)
    return buffer
  }

  #drop(value: Value | undefined, reads: number): void {
    const buffer = value && this.#of.get(value.name)
    if (!buffer) return
    buffer.reads -= reads
    buffer.to = this.#step
    if (buffer.reads > 0) return
    this.#of.delete(value.name)
    const dead = this.#dead.get(buffer.kind)
    if (dead) dead.push(buffer)
    else this.#dead.set(buffer.kind, [buffer])
  }
}

const kindOf = ({ type, shape }: Value): string => `${type}[${shape}]`

/**
 * @param sizes of the graph's symbolic dimensions
 * @param isGiven whether an output of the graph is written into memory that the caller has
 */
export const peakBytes = (graph: Graph, sizes: Sizes, isGiven: IsGiven = () => false): number => {
  const allocation = new Allocation(graph, sizes, isGiven)
  const order = executionOrder(graph)
  for (const node of order) allocation.run(node)
  const change = new Float64Array(order.length + 1)
  for (const { from, to, bytes } of allocation.buffers) {
    change[from]! += bytes
    change[to + 1]! -= bytes
  }
  let [live, peak] = [0, 0]
  for (const bytes of change) {
    live += bytes
    peak = Math.max(peak, live)
  }
  return peak
}
