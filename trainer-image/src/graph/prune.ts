/** Removes nodes and initializers that no output needs. */
import { type Graph, type Node, readsOf, type Value } from './node.ts'

export const prune = (graph: Graph): Graph => {
  const needed = new Set(graph.outputs.map(output => output.name))
  const kept: Node[] = []
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some(output => output && needed.has(output.name))) continue
    for (const read of readsOf(node)) if (read) needed.add(read.name)
    kept.push(node)
  }
  const isNeeded = ({ value }: { readonly value: Value }) => needed.has(value.name)
  return {
    ...graph,
    nodes: kept.reverse(),
    initializers: graph.initializers.filter(isNeeded),
  }
}
