/** Where the backward pass comes by what a gradient is made of. */
import { type Node, readsOf, type Value } from '../graph/node.ts'

/** Part of no layer and not of the loss: what is computed before all layers has its gradient at the very end, from little. */
const isApart = ({ scope = 'gradient' }: Node): boolean => scope === 'gradient'

/**
 * DoRA's magnitudes are divided before all layers, so their gradients are there at the end, but need only what their
 * layer's pass has.
 * @returns of a gradient the index of the last node of a layer or the loss that it is made of
 */
export const backwardPlaces = (nodes: readonly Node[]): ((gradient: Value) => number) => {
  const makers = new Map(
    nodes.flatMap((node, index) =>
      node.outputs.flatMap(made => (made ? [[made.name, { node, index }] as const] : [])),
    ),
  )
  const found = new Map<string, number>()
  const find = (name: string): number => {
    const maker = makers.get(name)
    if (!maker) return 0
    if (!isApart(maker.node)) return maker.index
    return Math.max(0, ...readsOf(maker.node).map(read => (read ? placeOf(read) : 0)))
  }
  const placeOf = ({ name }: Value): number => {
    const place = found.get(name) ?? find(name)
    found.set(name, place)
    return place
  }
  return placeOf
}
