/** Computes once what several nodes would compute alike: layers ask for the same masks and rotations. */
import type { Graph, Node, Value } from './node.ts'

/** @returns equal for nodes that give the same values; undefined where equal nodes may not */
const keyOf = ({ operator, domain, inputs, outputs, attributes }: Node): string | undefined => {
  const list = Object.entries(attributes)
  if (operator.startsWith('Random') || list.some(([, { kind }]) => kind === 'graph'))
    return undefined
  const names = inputs.map(input => input?.name)
  return JSON.stringify([operator, domain, names, outputs.map(output => !output), list])
}

/** @param graph whose nodes follow the nodes that they read from */
export const mergeEqual = (graph: Graph): Graph => {
  const isOutput = new Set(graph.outputs.map(({ name }) => name))
  const merged = new Map<string, Value>()
  const found = new Map<string, Node>()
  const merge = (given: Node): readonly Node[] => {
    const kept = (value: Value): Value => merged.get(value.name) ?? value
    const inputs = given.inputs.map(input => input && kept(input))
    const node = {
      ...given,
      inputs,
      ...(given.captures ? { captures: given.captures.map(kept) } : {}),
    }
    const key = keyOf(node)
    const first = key === undefined ? undefined : found.get(key)
    if (!first || node.outputs.some(output => output && isOutput.has(output.name))) {
      if (key !== undefined) found.set(key, first ?? node)
      return [node]
    }
    for (const [i, output] of node.outputs.entries())
      if (output) merged.set(output.name, first.outputs[i]!)
    return []
  }
  return { ...graph, nodes: graph.nodes.flatMap(merge) }
}
