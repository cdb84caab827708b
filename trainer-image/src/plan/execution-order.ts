/**
 * The order in which ONNX Runtime runs a graph's nodes: depth first from the outputs, of a node's inputs the one made
 * last in the file comes first (GraphViewer and Graph::ReverseDFSFrom in its core/graph).
 */
import { type Graph, type Node, readsOf } from '../graph/node.ts'

/** @returns of every node the numbers of those that it reads from, the highest first */
const producersOf = (nodes: readonly Node[]): readonly (readonly number[])[] => {
  const makers = new Map<string, number>()
  for (const [index, { outputs }] of nodes.entries())
    for (const output of outputs) if (output) makers.set(output.name, index)
  return nodes.map(node => {
    const found = readsOf(node).flatMap(read => makers.get(read?.name ?? '') ?? [])
    return [...new Set(found)].sort((a, b) => b - a)
  })
}

export const executionOrder = ({ nodes }: Pick<Graph, 'nodes'>): readonly Node[] => {
  const producers = producersOf(nodes)
  const read = new Set(producers.flat())
  const order: Node[] = []
  const entered = new Uint8Array(nodes.length)
  for (let leaf = nodes.length - 1; leaf >= 0; leaf--) {
    if (read.has(leaf)) continue
    // recursion would be as deep as the graph is long
    const path = [{ index: leaf, next: 0 }]
    entered[leaf] = 1
    while (path.length > 0) {
      const top = path.at(-1)!
      const producer = producers[top.index]![top.next++]
      if (producer === undefined) {
        order.push(nodes[top.index]!)
        path.pop()
      } else if (entered[producer] === 0) {
        entered[producer] = 1
        path.push({ index: producer, next: 0 })
      }
    }
  }
  return order
}
