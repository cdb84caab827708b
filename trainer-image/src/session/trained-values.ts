/**
 * How trainable parameters enter a graph: an adapter as one vector, each weight that is trained whole by itself. So the
 * gradient of a whole weight is added to the sums as soon as it is there, and none waits for the others. The output
 * head is also read in blocks, which are the same memory.
 */
import type { VocabularyBlock } from '../autodiff/composites/cross-entropy-block.ts'
import type { GraphBuilder } from '../graph/build.ts'
import type { Value } from '../graph/node.ts'
import { add } from '../graph/operators/elementwise.ts'
import { concat } from '../graph/operators/movement.ts'
import { type ParameterSlot, parameterCount } from '../model/trainable.ts'

export const ADAPTER = 'parameters'
export const ADAPTER_SUMS = 'gradient_sums'
export const wholeInput = (weight: string, start?: number): string =>
  start === undefined ? `trained.${weight}` : `trained.${weight}.${start}`
export const wholeSums = (weight: string): string => `gradient_sums.${weight}`
/** of what is added to */
export const after = (sums: string): string => `${sums}_after`

export const adapterSlots = (slots: readonly ParameterSlot[]): readonly ParameterSlot[] =>
  slots.filter(({ weight }) => weight === undefined)

export type WholeSlot = ParameterSlot & { readonly weight: string }
export const wholeSlots = (slots: readonly ParameterSlot[]): readonly WholeSlot[] =>
  slots.filter((slot): slot is WholeSlot => slot.weight !== undefined)

export type TrainedValues = {
  /** absent where no adapter is trained */
  readonly parameters?: Value
  /** by Hugging Face name */
  readonly whole: ReadonlyMap<string, Value>
}

export const trainedInputs = (g: GraphBuilder, slots: readonly ParameterSlot[]): TrainedValues => {
  const count = parameterCount(adapterSlots(slots))
  return {
    ...(count > 0 ? { parameters: g.input(ADAPTER, 'float32', [count]) } : {}),
    whole: new Map(
      wholeSlots(slots).map(({ weight, shape }) => [
        weight,
        g.input(wholeInput(weight), 'float32', shape),
      ]),
    ),
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
  { parameters, whole }: TrainedValues,
  head: { readonly name: string; readonly isTied: boolean },
  blocks: readonly VocabularyBlock[],
): readonly Reached[] => [
  ...(parameters ? [{ sums: ADAPTER_SUMS, value: parameters, blocks: [] }] : []),
  ...[...whole].map(([weight, value]) => {
    const isHead = weight === head.name
    return {
      sums: wholeSums(weight),
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

/** Adds for each input of sums an output with this micro-batch's gradients added. */
export const addGradients = (g: GraphBuilder, options: GradientOptions): void => {
  const { trained, head, headBlocks, gradientsOf } = options
  const reached = reachedValues(trained, head, headBlocks)
  const before = reached.map(({ sums, value, blocks }) => {
    const shape = value?.shape ?? [
      blocks.reduce((rows, { weight }) => rows + Number(weight.shape[0]), 0),
      blocks[0]!.weight.shape[1]!,
    ]
    return g.input(sums, 'float32', shape)
  })
  const values = reached.flatMap(({ value, blocks }) => [
    ...(value ? [value] : []),
    ...blocks.map(({ weight }) => weight),
  ])
  const gradients = new Map(gradientsOf(values).map((d, i) => [values[i]!.name, d]))
  reached.forEach(({ sums, value, blocks }, i) => {
    const parts = blocks.map(({ weight }) => gradients.get(weight.name)!)
    const all = [
      ...(value ? [gradients.get(value.name)!] : []),
      ...(parts.length > 0 ? [concat(g, parts, 0)] : []),
    ]
    g.output(
      after(sums),
      all.reduce((sum, d) => add(g, sum, d), before[i]!),
    )
  })
}
