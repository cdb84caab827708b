/** Which values depend on a parameter: only they get gradients, so frozen weights cost nothing. */
import { type Node, readsOf, type Value } from '../graph/node.ts'
import { isDetached } from './composites/detached.ts'

export const activeNames = (nodes: readonly Node[], parameters: readonly Value[]): Set<string> => {
  const active = new Set(parameters.map(parameter => parameter.name))
  const mark = (list: readonly Node[]): void => {
    for (const node of list) {
      if (isDetached(node)) continue
      if (node.body) mark(node.body)
      else if (readsOf(node).some(read => read && active.has(read.name)))
        for (const output of node.outputs) if (output) active.add(output.name)
    }
  }
  mark(nodes)
  return active
}
