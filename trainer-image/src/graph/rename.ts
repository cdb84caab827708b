/** Gives graph outputs the names that callers ask for. */
import type { Graph, Node, Value } from './node.ts'

type Naming = readonly (readonly [name: string, value: Value])[]

/** An output that is also an input, an initializer or another output needs a copy of its own. */
const identity = (from: Value, name: string): Node => ({
  operator: 'Identity',
  domain: '',
  inputs: [from],
  outputs: [{ ...from, name }],
  attributes: {},
})

export const rename = (graph: Graph, naming: Naming): Graph => {
  const made = new Set(graph.nodes.flatMap(node => node.outputs.map(output => output?.name)))
  const names = new Map<string, string>()
  const copies: Node[] = []
  const renamed = (value: Value): Value => {
    const name = names.get(value.name)
    return name === undefined ? value : { ...value, name }
  }
  for (const [name, value] of naming) {
    if (made.has(value.name) && !names.has(value.name)) names.set(value.name, name)
    else copies.push(identity(renamed(value), name))
  }
  const nodes = graph.nodes.map(node => ({
    ...node,
    inputs: node.inputs.map(input => input && renamed(input)),
    ...(node.captures ? { captures: node.captures.map(renamed) } : {}),
    outputs: node.outputs.map(output => output && renamed(output)),
  }))
  return {
    ...graph,
    nodes: [...nodes, ...copies],
    outputs: naming.map(([name, value]) => ({ ...value, name })),
  }
}
