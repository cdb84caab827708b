/**
 * Mixed precision (Micikevicius et al. 2018, arXiv:1710.03740) as a pass over a finished graph, so that neither forward
 * passes nor gradients know of it.
 *
 * In the half type: the matrix products of the layers, and what the forward pass does element by element between them.
 * In float32: whatever folds an axis (norms, softmax, the loss, sums of gradients), rotations, the residual stream,
 * embeddings and output head, and all of the backward pass but its products. Where such a value is only read by products
 * it is kept as halves for the backward pass. What moves elements moves them as they are.
 */
import {
  DATA_TYPES,
  type ElementType,
  type Graph,
  type Initializer,
  int,
  type Node,
  type Value,
} from '../graph/node.ts'
import { prune } from '../graph/prune.ts'
import { sameShape, sizeOf } from '../graph/shapes.ts'
import { toBytes } from '../graph/tensor-bytes.ts'
import type { HalfType } from './half-type.ts'
import { isGradient, isInLayer, isLate } from './scopes.ts'

const PRODUCTS: ReadonlySet<string> = new Set(['MatMul', 'FusedMatMul', 'Gemm'])
const MOVEMENT: ReadonlySet<string> = new Set([
  'Reshape',
  'Transpose',
  'Slice',
  'Split',
  'Concat',
  'Expand',
  'Identity',
  'Gather',
])
const ELEMENTWISE: ReadonlySet<string> = new Set(['Add', 'Mul', 'Where', 'QuickGelu', 'Gelu'])
/** Computed in float32 and kept as halves, where a product reads them. */
const NARROWED: ReadonlySet<string> = new Set(['Softmax', 'RotaryEmbedding', 'MatMulNBits'])
/** Kept as halves whoever reads them: gradients are made of what a norm gives. */
const NORM = 'SimplifiedLayerNormalization'

const isSingle = ({ shape }: Value) => sizeOf(shape) === 1
const floatsOf = ({ inputs }: Node): readonly Value[] =>
  inputs.filter(input => input?.type === 'float32') as Value[]
const manyOf = (node: Node): readonly Value[] => floatsOf(node).filter(value => !isSingle(value))

/** A gradient's own arithmetic is in float32; what is done with one number alone, as a guard of recomputation is, is not. */
const isElementwise = (node: Node): boolean =>
  ELEMENTWISE.has(node.operator) &&
  isInLayer(node) &&
  (!isGradient(node) || manyOf(node).length === 1)

/** What goes in comes out, moved, turned or together with something else. */
const givesOn = (node: Node): boolean =>
  MOVEMENT.has(node.operator) || node.operator === 'RotaryEmbedding' || isElementwise(node)

/** @returns names of the values that a product of a layer reads, if only through what gives them on */
const readByProducts = (nodes: readonly Node[]): ReadonlySet<string> => {
  const read = new Set<string>()
  for (const node of nodes.toReversed()) {
    const isRead = givesOn(node) && node.outputs.some(output => output && read.has(output.name))
    if (isRead || (PRODUCTS.has(node.operator) && isInLayer(node)))
      for (const input of floatsOf(node)) read.add(input.name)
  }
  return read
}

class Pass {
  readonly #half: HalfType
  readonly #nodes: Node[] = []
  readonly #read: ReadonlySet<string>
  /** values that are halves now */
  readonly #halves = new Map<string, Value>()
  readonly #casts = new Map<string, Value>()
  readonly #aparts = new Map<string, Value>()
  /** shapes that are asked for, by rank */
  readonly constants = new Map<number, Initializer>()

  constructor(half: HalfType, nodes: readonly Node[], stored: readonly Value[]) {
    this.#half = half
    this.#read = readByProducts(nodes)
    for (const value of stored) this.#halves.set(value.name, value)
  }

  through(nodes: readonly Node[]): readonly Node[] {
    for (const node of nodes) this.#convert(node)
    return this.#nodes
  }

  #isHalf = ({ name }: Value): boolean => this.#halves.has(name)
  #isRead = (node: Node): boolean => this.#read.has(node.outputs[0]?.name ?? '')

  #convert(node: Node): void {
    if (node.captures) throw new TypeError(`${node.operator} has a graph of its own, in float32`)
    const type = this.#typeOf(node)
    const inputs = node.inputs.map(input =>
      input?.type === 'float32' ? this.#as(input, type, node) : input,
    )
    const [first, ...others] = node.outputs
    if (type === this.#half) {
      const outputs = node.outputs.map(output => output && this.#become(output))
      this.#nodes.push({ ...node, inputs, outputs })
    } else if (first && this.#isNarrowed(node)) {
      const wide = { ...first, name: `${first.name}.wide` }
      this.#nodes.push({ ...node, inputs, outputs: [wide, ...others] })
      this.#nodes.push(castNode(wide, this.#become(first), node))
      this.#casts.set(castKey(first, 'float32', node), wide)
    } else this.#nodes.push({ ...node, inputs })
  }

  #become(value: Value): Value {
    if (value.type !== 'float32') return value
    const half = { ...value, type: this.#half }
    this.#halves.set(value.name, half)
    return half
  }

  #typeOf(node: Node): ElementType {
    const floats = floatsOf(node)
    if (PRODUCTS.has(node.operator))
      return isInLayer(node) || floats.some(this.#isHalf) ? this.#half : 'float32'
    if (MOVEMENT.has(node.operator))
      return floats.length > 0 && floats.every(this.#isHalf) ? this.#half : 'float32'
    const many = manyOf(node)
    return isElementwise(node) && this.#isRead(node) && many.length > 0 && many.every(this.#isHalf)
      ? this.#half
      : 'float32'
  }

  #isNarrowed(node: Node): boolean {
    if (!isInLayer(node) || isGradient(node)) return false
    if (node.operator === NORM) return true
    if (!this.#isRead(node)) return false
    return NARROWED.has(node.operator) || (isElementwise(node) && this.#isSpread(node))
  }

  /** Halves with a vector of float32 added to each row, or multiplied by it: a bias, a norm's weight. */
  #isSpread(node: Node): boolean {
    const [output] = node.outputs
    const many = manyOf(node)
    const isWhole = ({ shape }: Value) => output !== undefined && sameShape(shape, output.shape)
    return many.some(this.#isHalf) && many.every(value => this.#isHalf(value) || !isWhole(value))
  }

  #as(value: Value, type: ElementType, node: Node): Value {
    const now = this.#halves.get(value.name) ?? value
    if (now.type === type) return now
    const key = castKey(value, type, node)
    const found = this.#casts.get(key)
    if (found) return found
    const made = { ...now, name: key, type }
    this.#nodes.push(
      castNode(this.#casts.has(`${value.name}.${type}`) ? this.#apart(now, node) : now, made, node),
    )
    this.#casts.set(key, made)
    return made
  }

  /** The same memory under another name: two casts of one value would be taken for one. */
  #apart(value: Value, node: Node): Value {
    const found = this.#aparts.get(value.name)
    if (found) return found
    const rank = value.shape.length
    const shape: Value = { name: `same_shape_${rank}`, type: 'int64', shape: [rank] }
    // 0 is the input's dimension
    this.constants.set(rank, {
      value: shape,
      data: toBytes('int64', new Array<number>(rank).fill(0)),
    })
    const made = { ...value, name: `${value.name}.apart` }
    this.#nodes.push(plainNode('Reshape', [value, shape], made, node))
    this.#aparts.set(value.name, made)
    return made
  }
}

/** The backward pass has casts of its own, or a copy made for the forward pass would be kept for it. */
const castKey = ({ name }: Value, type: ElementType, node: Node): string =>
  `${name}.${type}${isLate(node) ? '.again' : ''}`

const plainNode = (
  operator: string,
  inputs: readonly Value[],
  output: Value,
  { scope }: Node,
): Node => ({
  operator,
  domain: '',
  inputs,
  outputs: [output],
  attributes: {},
  ...(scope === undefined ? {} : { scope }),
})

const castNode = (from: Value, to: Value, node: Node): Node => ({
  ...plainNode('Cast', [from], to, node),
  attributes: { to: int(DATA_TYPES[to.type]) },
})

/**
 * @param graph all of whose floats are float32
 * @param stored names of the initializers whose data are halves
 * @returns the graph with inputs and outputs as before
 */
export const inMixedPrecision = (
  graph: Graph,
  half: HalfType,
  stored: ReadonlySet<string>,
): Graph => {
  const initializers = graph.initializers.map(initializer =>
    stored.has(initializer.value.name)
      ? { ...initializer, value: { ...initializer.value, type: half } }
      : initializer,
  )
  const halves = initializers.map(({ value }) => value).filter(({ name }) => stored.has(name))
  const pass = new Pass(half, graph.nodes, halves)
  const nodes = pass.through(graph.nodes)
  const all = [...initializers, ...pass.constants.values()]
  return Object.freeze(prune({ ...graph, initializers: all, nodes }))
}
