/**
 * Gradient checkpointing inside one graph (Chen et al. 2016, arXiv:1604.06174): what is cheap to compute is not kept for
 * the backward pass, but computed once more.
 *
 * ONNX Runtime would merge the second computation with the first, or run it early. So an input of the second becomes
 * `input + zero · (an element of the incoming gradient)`, with `zero` a runtime input: the runtime cannot know that it is
 * 0, must wait for the gradient, and takes the two for different values.
 */
import type { GraphBuilder } from '../graph/build.ts'
import { type Attributes, type Node, subgraph, type Value } from '../graph/node.ts'
import { add, mul } from '../graph/operators/elementwise.ts'
import { reshape, slice } from '../graph/operators/movement.ts'

export const RECOMPUTED = 'Recomputed'

/** @returns x, once the gradient `dy` is there */
export const guarded = (g: GraphBuilder, zero: Value, x: Value, dy: Value): Value => {
  const element = dy.shape.reduce<Value>(
    (value, _, axis) => slice(g, value, { axis, start: 0, end: 1, dimension: 1 }),
    dy,
  )
  return add(g, x, mul(g, reshape(g, element, [1]), zero))
}

/** Runs `block` on `x` as one block of which only the input and the output are kept. */
export const recomputed = (g: GraphBuilder, x: Value, block: (x: Value) => Value): Value =>
  g.composite(RECOMPUTED, [x], () => [block(x)])[0]!

export type Recomputation = {
  readonly x: Value
  readonly body: readonly Node[]
  /** from the first computation's names to the second's */
  readonly names: ReadonlyMap<string, string>
}

/** `layers.3/mlp/again` */
export const againScope = ({ scope }: Node): string =>
  scope === undefined ? 'again' : `${scope}/again`

/** @returns attributes whose graphs' nodes belong to `scope`, as the node does */
const inScope = (attributes: Attributes, scope: string): Attributes =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]) => {
      if (attribute.kind !== 'graph') return [name, attribute]
      const nodes = attribute.value.nodes.map(node => ({ ...node, scope }))
      return [name, subgraph({ ...attribute.value, nodes })]
    }),
  )

const copyNodes = (
  g: GraphBuilder,
  nodes: readonly Node[],
  copies: Map<string, Value>,
): readonly Node[] => {
  const copied = (value: Value) => copies.get(value.name) ?? value
  return nodes.map(node => {
    const inputs = node.inputs.map(input => input && copied(input))
    const captures = node.captures ? { captures: node.captures.map(copied) } : {}
    if (node.body) {
      const body = copyNodes(g, node.body, copies)
      return { ...node, inputs, outputs: node.outputs.map(o => o && copied(o)), body }
    }
    // A second recomputation would gain nothing: the copy lives for one block only.
    const scope = againScope(node)
    const attributes = inScope(node.attributes, scope)
    const made = g.node({ ...node, inputs, ...captures, attributes, cheap: false, scope }).values()
    const outputs = node.outputs.map(output => {
      if (!output) return undefined
      const copy = made.next().value!
      if (!copies.has(output.name)) copies.set(output.name, copy)
      return copied(output)
    })
    return { ...node, inputs, ...captures, outputs, cheap: false }
  })
}

/** Emits the block of `node` once more, on its input guarded by the gradient `dy` of its output. */
export const recompute = (g: GraphBuilder, zero: Value, node: Node, dy: Value): Recomputation => {
  const [x] = node.inputs
  const [y] = node.outputs
  if (!x || !y || !node.body) throw new TypeError('a recomputed block lacks its parts')
  const again = guarded(g, zero, x, dy)
  // What the block gave is at hand: whatever comes next has kept it.
  const copies = new Map([
    [x.name, again],
    [y.name, y],
  ])
  const body = copyNodes(g, node.body, copies)
  const names = new Map([...copies].map(([from, to]) => [from, to.name]))
  return { x: again, body, names }
}
