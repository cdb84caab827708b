/** The graphs of an update. They take a piece of the parameters of any length P, so that nothing of the whole's size is made. */
import { GraphBuilder } from '../graph/build.ts'
import type { Graph } from '../graph/node.ts'
import { type ParameterSlot, parameterCount } from '../model/trainable.ts'
import { adamW, type ParameterGroup, sumOfSquares, type UpdateScalars } from '../optim/adamw.ts'
import { writesInPlace } from './in-place.ts'

const vectorIn = (g: GraphBuilder) => (name: string) => g.input(name, 'float32', ['P'])
const scalarIn = (g: GraphBuilder) => (name: string) => g.input(name, 'float32', [])

/** gradient sums → sum of the squares of their means */
export const normProgram = (): Graph => {
  const g = new GraphBuilder()
  const sums = vectorIn(g)('gradient_sums')
  const targets = scalarIn(g)('targets')
  g.output(
    'sum_of_squares',
    g.scope('update', () => sumOfSquares(g, sums, targets)),
  )
  return g.finish('norm')
}

/** Outputs may be the same memory as the inputs: each element is read before it is written. */
export const updateProgram = (): Graph => {
  const g = new GraphBuilder()
  writesInPlace(g)
  const vector = vectorIn(g)
  const state = {
    parameters: vector('parameters'),
    firstMoments: vector('first_moments'),
    secondMoments: vector('second_moments'),
  }
  const sums = vector('gradient_sums')
  const scalar = scalarIn(g)
  const scalars = {
    targets: scalar('targets'),
    clip: scalar('clip'),
    keep: scalar('keep'),
    beta1: scalar('beta1'),
    oneMinusBeta1: scalar('oneMinusBeta1'),
    beta2: scalar('beta2'),
    oneMinusBeta2: scalar('oneMinusBeta2'),
    stepSize: scalar('stepSize'),
    correction: scalar('correction'),
    epsilon: scalar('epsilon'),
  } satisfies Record<keyof UpdateScalars, unknown>
  const updated = g.scope('update', () => adamW(g, state, sums, scalars))
  g.output('parameters_after', updated.parameters)
  g.output('first_moments_after', updated.firstMoments)
  g.output('second_moments_after', updated.secondMoments)
  return g.finish('update')
}

export type Piece = { readonly start: number; readonly end: number }
export type GroupPiece = Piece & ParameterGroup

/** 64 MiB: the order in which few sums are summed up */
const NORM_ELEMENTS = 2 ** 24
/** 1 MiB of each vector, so that what falls between stays in the cache: a third faster than 64 MiB */
const UPDATE_ELEMENTS = 2 ** 18

/** @returns ranges of bounded size that follow each other */
export const piecesOf = (count: number, limit = NORM_ELEMENTS): readonly Piece[] =>
  Array.from({ length: Math.ceil(count / limit) }, (_, i) => ({
    start: i * limit,
    end: Math.min(count, (i + 1) * limit),
  }))

/** @returns the same, each of parameters of one group */
export const groupPieces = (
  slots: readonly ParameterSlot[],
  limit = UPDATE_ELEMENTS,
): readonly GroupPiece[] => {
  const groups: GroupPiece[] = []
  for (const { offset, size, rateFactor, decays } of slots) {
    const last = groups.at(-1)
    const isSame = last?.rateFactor === rateFactor && last.decays === decays
    const start = isSame ? groups.pop()!.start : offset
    groups.push({ start, end: offset + size, rateFactor, decays })
  }
  return groups.flatMap(({ start, end, ...group }) =>
    piecesOf(end - start, limit).map(piece => ({
      start: start + piece.start,
      end: start + piece.end,
      ...group,
    })),
  )
}

/** @returns how often an optimizer step runs each of these graphs */
export const runsPerUpdate = (slots: readonly ParameterSlot[]) => ({
  norm: piecesOf(parameterCount(slots)).length,
  update: groupPieces(slots).length,
})
