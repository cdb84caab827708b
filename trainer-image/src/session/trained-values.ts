/**
 * How trainable parameters enter a graph: each tensor by itself, so that a gradient is added to the sums as soon as it
 * is there and none waits for the others, and so that nothing is copied out of a vector of all. The output head is also
 * read in blocks, which are the same memory.
 */
import type { VocabularyBlock } from '../autodiff/composites/cross-entropy-block.ts'
import type { GraphBuilder } from '../graph/build.ts'
import type { Value } from '../graph/node.ts'
import { add } from '../graph/operators/elementwise.ts'
import { concat } from '../graph/operators/movement.ts'
import type { ParameterSlot } from '../model/trainable.ts'
import { backwardPlaces } from './backward-places.ts'

/** @param tensor a weight's Hugging Face name, or an adapter's tensor's by PEFT */
export const trainedInput = (tensor: string, start?: number): string =>
  start === undefined ? `trained.${tensor}` : `trained.${tensor}.${start}`
const SUMS = 'gradient_sums.'
export const gradientSums = (tensor: string): string => `${SUMS}${tensor}`
/** of what is added to */
export const after = (sums: string): string => `${sums}_after`
/** Whether an output of a graph is written over the sums that it was fed. */
export const isAdded = (output: string): boolean => output.startsWith(SUMS)

/** What graphs call it. */
export const nameOf = ({ weight, name }: ParameterSlot): string => weight ?? name

export type WholeSlot = ParameterSlot & { readonly weight: string }
export const wholeSlots = (slots: readonly ParameterSlot[]): readonly WholeSlot[] =>
  slots.filter((slot): slot is WholeSlot => slot.weight !== undefined)

export type TrainedValues = {
  /** by PEFT's name; empty where no adapter is trained */
  readonly adapter: ReadonlyMap<string, Value>
  /** by Hugging Face name */
  readonly whole: ReadonlyMap<string, Value>
}

export const trainedInputs = (g: GraphBuilder, slots: readonly ParameterSlot[]): TrainedValues => {
  const inputs = (some: readonly ParameterSlot[]) =>
    new Map(
      some.map(slot => [nameOf(slot), g.input(trainedInput(nameOf(slot)), 'float32', slot.shape)]),
    )
  return {
    adapter: inputs(slots.filter(({ weight }) => weight === undefined)),
    whole: inputs(wholeSlots(slots)),
  }
}

type Reached = {
  readonly sums: string
  /** its gradient is the sum of those of these values; of blocks, one below the other */
  readonly value?: Value
  readonly blocks: readonly VocabularyBlock[]
}

/** @param head the output head's name, and its blocks where it is trained */
const reachedValues = (
  { adapter, whole }: TrainedValues,
  head: { readonly name: string; readonly isTied: boolean },
  blocks: readonly VocabularyBlock[],
): readonly Reached[] => [
  ...[...adapter].map(([tensor, value]) => ({ sums: gradientSums(tensor), value, blocks: [] })),
  ...[...whole].map(([weight, value]) => {
    const isHead = weight === head.name
    return {
      sums: gradientSums(weight),
      // the loss reads a head through its blocks, and the whole of it only as embedding
      ...(isHead && !head.isTied ? {} : { value }),
      blocks: isHead ? blocks : [],
    }
  }),
]

export type GradientOptions = {
  readonly trained: TrainedValues
  readonly head: { readonly name: string; readonly isTied: boolean }
  readonly headBlocks: readonly VocabularyBlock[]
  /** of several values at once */
  readonly gradientsOf: (values: readonly Value[]) => readonly Value[]
}

/**
 * Adds for each input of sums an output with this micro-batch's gradients added. ONNX Runtime begins with the output
 * that was made last, and what the others are made of is kept until their turn. So the outputs are made in the reverse
 * of the order in which the backward pass comes by.
 */
export const addGradients = (g: GraphBuilder, options: GradientOptions): void => {
  const { trained, head, headBlocks, gradientsOf } = options
  const reached = reachedValues(trained, head, headBlocks)
  const values = reached.flatMap(({ value, blocks }) => [
    ...(value ? [value] : []),
    ...blocks.map(({ weight }) => weight),
  ])
  const gradients = new Map(gradientsOf(values).map((d, i) => [values[i]!.name, d]))
  const gradientOf = ({ name }: Value): Value => gradients.get(name)!
  const placeOf = backwardPlaces(g.nodes)
  const added = reached.map(({ sums, value, blocks }) => {
    const ofBlocks = blocks.map(({ weight }) => gradientOf(weight))
    const ofWhole = value ? [gradientOf(value)] : []
    const place = Math.max(...[...ofWhole, ...ofBlocks].map(placeOf))
    return { sums, ofWhole, ofBlocks, place }
  })
  for (const { sums, ofWhole, ofBlocks } of added.toSorted((a, b) => b.place - a.place)) {
    const sum = g.within('gradient', () => {
      const parts = ofBlocks.length > 0 ? [...ofWhole, concat(g, ofBlocks, 0)] : ofWhole
      const before = g.input(sums, 'float32', parts[0]!.shape)
      return parts.reduce((sum, d) => add(g, sum, d), before)
    })
    g.output(after(sums), sum)
  }
}
