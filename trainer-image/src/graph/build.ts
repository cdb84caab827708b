/**
 * Collects the nodes of one graph. Operators are functions of the builder and their inputs:
 *
 *     const g = new GraphBuilder()
 *     const x = g.input('x', 'float32', ['N', 4])
 *     const w = g.external('w', 'float32', [8, 4], { location: 'weights.bin', offset: 0, bytes: 128 })
 *     g.output('y', sigmoid(g, fusedMatMul(g, x, w, { transB: true })))
 *     writeOnnx(g.finish('example'))
 *
 * An operator without a function of its own is made by `g.node`.
 */
import type {
  Attributes,
  Domain,
  ElementType,
  ExternalData,
  Graph,
  Initializer,
  Node,
  Shape,
  Value,
} from './node.ts'
import { prune } from './prune.ts'
import { rename } from './rename.ts'
import { toBytes } from './tensor-bytes.ts'

const flatten = (nodes: readonly Node[]): readonly Node[] =>
  nodes.flatMap(node => (node.body ? flatten(node.body) : [node]))

export type NodeSpec = {
  readonly operator: string
  readonly domain?: Domain
  readonly inputs: readonly (Value | undefined)[]
  /** `undefined` skips an optional output */
  readonly outputs: readonly (Omit<Value, 'name'> | undefined)[]
  readonly attributes?: Attributes
  readonly captures?: readonly Value[]
  readonly cheap?: boolean
  /** that of the builder if absent */
  readonly scope?: string | undefined
}

export class GraphBuilder {
  readonly #inputs: Value[] = []
  readonly #outputs: [string, Value][] = []
  readonly #initializers: Initializer[] = []
  readonly #constants = new Map<string, Value>()
  readonly #data = new Map<string, Uint8Array>()
  #nodes: Node[] = []
  readonly #prefix: string
  #count = 0
  #cheap = false
  #scope: string | undefined

  /** @param prefix of all names that are made up */
  constructor(prefix = '') {
    this.#prefix = prefix
  }

  /** @returns a builder of a graph that a node of this one runs: its names are none of this one's; it has none inside */
  inner(): GraphBuilder {
    if (this.#prefix !== '') throw new TypeError('a graph inside a graph has none of its own')
    const inner = new GraphBuilder('inner.')
    inner.#scope = this.#scope
    return inner
  }

  get nodes(): readonly Node[] {
    return this.#nodes
  }

  input(name: string, type: ElementType, shape: Shape): Value {
    const value = Object.freeze({ name, type, shape })
    this.#inputs.push(value)
    return value
  }

  /** An initializer written into the model file; equal ones are shared. For scalars and small tables. */
  constant(type: ElementType, data: ArrayLike<number>, shape: Shape = [data.length]): Value {
    const bytes = toBytes(type, data)
    const key = `${type}[${shape}]${Buffer.from(bytes).toString('latin1')}`
    const found = this.#constants.get(key)
    if (found) return found
    const value = Object.freeze({ name: this.#fresh('constant'), type, shape })
    this.#initializers.push({ value, data: bytes })
    this.#constants.set(key, value)
    this.#data.set(value.name, bytes)
    return value
  }

  /** @returns the data of a constant of this builder */
  constantBytes(value: Value): Uint8Array | undefined {
    return this.#data.get(value.name)
  }

  scalar(type: ElementType, value: number): Value {
    return this.constant(type, [value], [])
  }

  /** An initializer whose data lie in a file beside the model file. */
  external(name: string, type: ElementType, shape: Shape, external: ExternalData): Value {
    const value = Object.freeze({ name, type, shape })
    this.#initializers.push({ value, external })
    return value
  }

  node(spec: NodeSpec): readonly Value[] {
    const outputs = spec.outputs.map(
      output =>
        output &&
        Object.freeze({
          name: this.#fresh(spec.operator),
          type: output.type,
          shape: output.shape,
          ...(output.isSequence ? { isSequence: true } : {}),
        }),
    )
    const scope = spec.scope ?? this.#scope
    this.#nodes.push(
      Object.freeze({
        operator: spec.operator,
        domain: spec.domain ?? '',
        inputs: spec.inputs,
        outputs,
        attributes: spec.attributes ?? {},
        ...(spec.captures ? { captures: spec.captures } : {}),
        ...((spec.cheap ?? this.#cheap) ? { cheap: true } : {}),
        ...(scope === undefined ? {} : { scope }),
      }),
    )
    return outputs.filter(output => output !== undefined)
  }

  output(name: string, value: Value): void {
    this.#outputs.push([name, value])
  }

  /**
   * Several nodes that have one gradient of their own, or that are recomputed together. Values of the graph around
   * that `build` uses need to be among `inputs` only where the gradient's row asks for them.
   */
  composite(
    operator: string,
    inputs: readonly Value[],
    build: () => readonly Value[],
    attributes: Attributes = {},
  ): readonly Value[] {
    const outer = this.#nodes
    this.#nodes = []
    try {
      const outputs = build()
      const body = this.#nodes
      const scope = this.#scope === undefined ? {} : { scope: this.#scope }
      const node = { operator, domain: 'attune' as const, inputs, outputs, attributes, body }
      outer.push(Object.freeze({ ...node, ...scope }))
      return outputs
    } finally {
      this.#nodes = outer
    }
  }

  /** What `build` makes is computed once more in the backward pass rather than kept; see autodiff/recompute.ts. */
  cheap<T>(build: () => T): T {
    const outer = this.#cheap
    this.#cheap = true
    try {
      return build()
    } finally {
      this.#cheap = outer
    }
  }

  /** What `build` makes belongs to the part `name` of what is being made: profiles tell where time goes by it. */
  scope<T>(name: string, build: () => T): T {
    return this.within(this.#scope === undefined ? name : `${this.#scope}/${name}`, build)
  }

  /** What `build` makes belongs to `scope`, whatever is being made. */
  within<T>(scope: string | undefined, build: () => T): T {
    const outer = this.#scope
    this.#scope = scope
    try {
      return build()
    } finally {
      this.#scope = outer
    }
  }

  /** @returns the graph, without what no output needs */
  finish(name: string): Graph {
    const graph = {
      name,
      inputs: this.#inputs,
      outputs: this.#outputs.map(([, value]) => value),
      initializers: this.#initializers,
      nodes: flatten(this.#nodes),
    }
    return Object.freeze(rename(prune(graph), this.#outputs))
  }

  #fresh(stem: string): string {
    this.#count += 1
    return `${this.#prefix}${stem}_${this.#count}`
  }
}
