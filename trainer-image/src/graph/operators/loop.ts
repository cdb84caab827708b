/** ONNX's Loop: a graph that runs as often as is known when the graph around it is made. */
import type { GraphBuilder } from '../build.ts'
import { capturedName, subgraph, type Value } from '../node.ts'

/** As many values, inside. */
type Inside<Values extends readonly Value[]> = { readonly [At in keyof Values]: Value }

type Turn<Reads extends readonly Value[], Carried extends readonly Value[]> = {
  /** builds the graph of a turn, which sees nothing of the graph around it but what it is given */
  readonly g: GraphBuilder
  /** () int64 from 0 */
  readonly index: Value
  readonly reads: Inside<Reads>
  readonly carried: Inside<Carried>
}

type Made = {
  /** what the next turn is given */
  readonly carried: readonly Value[]
  readonly stacked: readonly Value[]
}

export type LoopInputs<Reads extends readonly Value[], Carried extends readonly Value[]> = {
  readonly turns: number
  /** given to each turn as they are */
  readonly reads: Reads
  /** given to the first turn */
  readonly carried: Carried
}

/**
 * What a turn allocates is free again at its end, so that memory does not grow with their number.
 * @returns of `carried` what the last turn made; of `stacked` all that was made, along a new first axis
 */
export const loop = <const Reads extends readonly Value[], const Carried extends readonly Value[]>(
  g: GraphBuilder,
  { turns, reads, carried }: LoopInputs<Reads, Carried>,
  build: (turn: Turn<Reads, Carried>) => Made,
): Made => {
  const inner = g.inner()
  const index = inner.input('inner.index', 'int64', [])
  const goesOn = inner.input('inner.goes_on', 'bool', [])
  const captured = reads.map((value, i) => ({ ...value, name: capturedName(i) }))
  const given = carried.map(({ type, shape }, i) => inner.input(`inner.carried_${i}`, type, shape))
  const made = build({
    g: inner,
    index,
    reads: captured as unknown as Inside<Reads>,
    carried: given as unknown as Inside<Carried>,
  })
  inner.output('inner.goes_on_after', goesOn)
  made.carried.forEach((value, i) => {
    inner.output(`inner.carried_${i}_after`, value)
  })
  made.stacked.forEach((value, i) => {
    inner.output(`inner.stacked_${i}`, value)
  })
  const outputs = g.node({
    operator: 'Loop',
    inputs: [g.scalar('int64', turns), undefined, ...carried],
    outputs: [
      ...carried.map(({ type, shape }) => ({ type, shape })),
      ...made.stacked.map(({ type, shape }) => ({ type, shape: [turns, ...shape] })),
    ],
    captures: reads,
    attributes: { body: subgraph(inner.finish('turn')) },
  })
  return { carried: outputs.slice(0, carried.length), stacked: outputs.slice(carried.length) }
}
