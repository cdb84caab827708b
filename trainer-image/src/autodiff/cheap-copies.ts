/** Second computations of values that are cheaper to make than to keep. */
import type { GraphBuilder } from '../graph/build.ts'
import type { Node, Value } from '../graph/node.ts'
import { sizeOf } from '../graph/shapes.ts'
import { againScope, guarded } from './recompute.ts'

const isSmaller = (a: Value, b: Value | undefined) =>
  b === undefined || (sizeOf(a.shape) ?? Infinity) < (sizeOf(b.shape) ?? Infinity)

export class CheapCopies {
  readonly #g: GraphBuilder
  readonly #zero: Value | undefined
  readonly #makers = new Map<string, Node>()
  readonly #copies = new Map<string, Value>()

  constructor(g: GraphBuilder, zero: Value | undefined) {
    this.#g = g
    this.#zero = zero
  }

  /** Learns which of `nodes` are cheap. */
  add(nodes: readonly Node[]): void {
    for (const node of nodes) {
      if (node.body) this.add(node.body)
      if (node.cheap)
        for (const output of node.outputs) if (output) this.#makers.set(output.name, node)
    }
  }

  /** @returns `node` on values that are made when the gradient `dy` is there */
  of(node: Node, dy: Value): Node {
    const copied = (value: Value | undefined) => value && this.#copyOf(value, dy)
    return { ...node, inputs: node.inputs.map(copied), outputs: node.outputs.map(copied) }
  }

  #copyOf(value: Value, dy: Value): Value {
    const node = this.#makers.get(value.name)
    if (!node) return value
    if (node.captures) throw new TypeError(`${node.operator} is not cheap to compute again`)
    const found = this.#copies.get(value.name)
    if (found) return found
    const inputs = this.#inputsOf(node, dy)
    const scope = againScope(node)
    const made = this.#g.node({ ...node, inputs, cheap: false, scope }).values()
    for (const output of node.outputs) if (output) this.#copies.set(output.name, made.next().value!)
    return this.#copies.get(value.name)!
  }

  /** One input that waits for the gradient is enough: the smallest, for the guard is a pass over it. */
  #inputsOf(node: Node, dy: Value): readonly (Value | undefined)[] {
    const inputs = node.inputs.map(input => input && this.#copyOf(input, dy))
    if (inputs.some((input, i) => input !== node.inputs[i])) return inputs
    const zero = this.#zero
    if (!zero) throw new TypeError('cheap values need the input `zero` of the backward pass')
    let smallest: Value | undefined
    for (const input of inputs)
      if (input?.type === dy.type && isSmaller(input, smallest)) smallest = input
    return inputs.map(input =>
      input && input === smallest ? guarded(this.#g, zero, input, dy) : input,
    )
  }
}
