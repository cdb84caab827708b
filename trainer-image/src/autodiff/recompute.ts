/**
 * Gradient checkpointing inside one graph (Chen et al. 2016, arXiv:1604.06174): a block keeps only its input, and its
 * values are computed once more when the backward pass needs them.
 *
 * ONNX Runtime would merge the second computation with the first, or run it early. So the block's input becomes
 * `Where(flag, input, incoming gradient)`, with `flag` a runtime input that is always true: the runtime cannot know that,
 * must wait for the gradient, and takes the two for different values.
 */
import type { GraphBuilder } from '../graph/build.ts'
import type { Node, Value } from '../graph/node.ts'
import { where } from '../graph/operators/elementwise.ts'
import { sameShape } from '../graph/shapes.ts'

export const RECOMPUTED = 'Recomputed'

/**
 * Runs `block` on `x` as one block that is recomputed in the backward pass.
 * @param flag boolean scalar, true whenever the graph runs
 * @param block from x to a value of the same shape
 */
export const recomputed = (
  g: GraphBuilder,
  flag: Value,
  x: Value,
  block: (x: Value) => Value,
): Value => g.composite(RECOMPUTED, [x, flag], () => [block(x)])[0]!

export type Recomputation = {
  readonly x: Value
  readonly body: readonly Node[]
  /** from the first computation's names to the second's */
  readonly names: ReadonlyMap<string, string>
}

const copyNodes = (
  g: GraphBuilder,
  nodes: readonly Node[],
  copies: Map<string, Value>,
): readonly Node[] => {
  const copied = (value: Value) => copies.get(value.name) ?? value
  return nodes.map(node => {
    const inputs = node.inputs.map(input => input && copied(input))
    if (node.body) {
      const body = copyNodes(g, node.body, copies)
      return { ...node, inputs, outputs: node.outputs.map(o => o && copied(o)), body }
    }
    const made = g.node({ ...node, inputs }).values()
    const outputs = node.outputs.map(output => {
      if (!output) return undefined
      const copy = made.next().value!
      if (!copies.has(output.name)) copies.set(output.name, copy)
      return copied(output)
    })
    return { ...node, inputs, outputs }
  })
}

/** Emits the block of `node` once more, on its input guarded by the gradient `dy` of its output. */
export const recompute = (g: GraphBuilder, node: Node, dy: Value): Recomputation => {
  const [x, flag] = node.inputs
  const [y] = node.outputs
  if (!x || !flag || !y || !node.body) throw new TypeError('a recomputed block lacks its parts')
  if (!sameShape(x.shape, dy.shape))
    throw new TypeError(`a recomputed block must keep its shape: [${x.shape}] to [${dy.shape}]`)
  const guarded = where(g, flag, x, dy)
  // What the block gave is at hand: whatever comes next has kept it.
  const copies = new Map([
    [x.name, guarded],
    [y.name, y],
  ])
  const body = copyNodes(g, node.body, copies)
  const names = new Map([...copies].map(([from, to]) => [from, to.name]))
  return { x: guarded, body, names }
}
