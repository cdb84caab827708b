/** Reverse-mode differentiation: one walk over the nodes, last first. */
import type { GraphBuilder } from '../graph/build.ts'
import { type Node, readsOf, type Value } from '../graph/node.ts'
import { add } from '../graph/operators/elementwise.ts'
import { activeNames } from './active.ts'
import { CheapCopies } from './cheap-copies.ts'
import { GRADIENTS } from './gradients.ts'
import { RECOMPUTED, recompute } from './recompute.ts'
import type { Row } from './row.ts'
import { sumTo } from './sum-to.ts'

/** `layers.3/mlp/gradient` */
const gradientScope = ({ scope }: Node) => (scope === undefined ? 'gradient' : `${scope}/gradient`)

class Walk {
  readonly #g: GraphBuilder
  readonly #active: Set<string>
  readonly #zero: Value | undefined
  readonly #cheap: CheapCopies
  readonly #contributions = new Map<string, Value[]>()

  constructor(g: GraphBuilder, active: Set<string>, zero: Value | undefined) {
    this.#g = g
    this.#active = active
    this.#zero = zero
    this.#cheap = new CheapCopies(g, zero)
  }

  start(loss: Value, nodes: readonly Node[]): void {
    this.#cheap.add(nodes)
    this.contribute(loss, this.#g.scalar(loss.type, 1))
    this.through(nodes)
  }

  contribute(to: Value, gradient: Value): void {
    const summed = sumTo(this.#g, gradient, to.shape)
    const found = this.#contributions.get(to.name)
    if (found) found.push(summed)
    else this.#contributions.set(to.name, [summed])
  }

  /** @returns the sum of what reached `value` so far; every user of it lies behind the walk */
  gradientOf(value: Value): Value | undefined {
    const parts = this.#contributions.get(value.name)
    if (!parts) return undefined
    const sum = parts.reduce((a, b) => add(this.#g, a, b))
    this.#contributions.set(value.name, [sum])
    return sum
  }

  through(nodes: readonly Node[]): void {
    for (const node of nodes.toReversed()) {
      const row = GRADIENTS[node.operator]
      if (row) this.#g.within(gradientScope(node), () => this.#apply(row, node))
      else if (node.operator === RECOMPUTED) this.#again(node)
      else if (node.body) this.through(node.body)
      else if (this.#reached(node))
        throw new TypeError(`no gradient for operator ${node.operator}; add a row to GRADIENTS`)
    }
  }

  #reached(node: Node): boolean {
    const isActive = (value: Value | undefined) => value && this.#active.has(value.name)
    return (
      readsOf(node).some(isActive) &&
      node.outputs.some(output => output && this.#contributions.has(output.name))
    )
  }

  #apply(row: Row, node: Node): void {
    if (!this.#reached(node)) return
    const gradients = node.outputs.map(output => output && this.gradientOf(output))
    const dy = gradients.find(gradient => gradient)!
    const products = row(this.#g, this.#cheap.of(node, dy), gradients)
    for (const [i, input] of node.inputs.entries()) {
      if (!input || !this.#active.has(input.name)) continue
      const product = products[i]
      if (!product) throw new TypeError(`${node.operator} has no gradient for its input ${i}`)
      this.contribute(input, product())
    }
  }

  #again(node: Node): void {
    const [x] = node.inputs
    const [y] = node.outputs
    const dy = y && this.gradientOf(y)
    if (!x || !y || !dy) return
    if (!this.#zero) throw new TypeError('recomputed blocks need the input `zero`')
    const copy = recompute(this.#g, this.#zero, node, dy)
    for (const [from, to] of copy.names) if (this.#active.has(from)) this.#active.add(to)
    this.through(copy.body)
    const dx = this.gradientOf(copy.x)
    if (dx) this.contribute(x, dx)
  }
}

/**
 * Appends the backward pass of what `g` holds so far.
 * @param zero a scalar input that is 0 at run time; needed where something is computed again
 * @returns the gradient of `loss` (a scalar) with respect to each of `parameters`
 */
export const backward = (
  g: GraphBuilder,
  loss: Value,
  parameters: readonly Value[],
  zero?: Value,
): readonly Value[] => {
  const nodes = [...g.nodes]
  const walk = new Walk(g, activeNames(nodes, parameters), zero)
  walk.start(loss, nodes)
  return parameters.map(parameter => {
    const gradient = walk.gradientOf(parameter)
    if (!gradient) throw new TypeError(`the loss does not depend on ${parameter.name}`)
    return gradient
  })
}
