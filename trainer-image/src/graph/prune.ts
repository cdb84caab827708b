/** Removes nodes and initializers that no output needs. */
import type { Graph, Node, Value } from './node.ts'

const innerNames = (node: Node): string[] =>
  Object.values(node.attributes).flatMap(attribute =>
    attribute.kind === 'graph'
      ? attribute.value.nodes.flatMap(inner => [
          ...inner.inputs.flatMap(input => (input ? [input.name] : [])),
          ...innerNames(inner),
        ])
      : [],
  )

export const prune = (graph: Graph): Graph => {
  const needed = new Set(graph.outputs.map(output => output.name))
  const kept: Node[] = []
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some(output => output && needed.has(output.name))) continue
    for (const input of node.inputs) if (input) needed.add(input.name)
    // A subgraph reads values of the graph around it by name.
    for (const name of innerNames(node)) needed.add(name)
    kept.push(node)
  }
  const isNeeded = ({ value }: { readonly value: Value }) => needed.has(value.name)
  return {
    ...graph,
    nodes: kept.reverse(),
    initializers: graph.initializers.filter(isNeeded),
  }
}
