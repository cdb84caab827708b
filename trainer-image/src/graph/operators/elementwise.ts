/** Operators that work element by element, with numpy broadcasting. */
import type { GraphBuilder } from '../build.ts'
import { DATA_TYPES, type ElementType, int, type Value } from '../node.ts'
import { broadcast } from '../shapes.ts'

const binary = (operator: string) => (g: GraphBuilder, a: Value, b: Value) => {
  if (a.type !== b.type) throw new TypeError(`${operator} of ${a.type} and ${b.type}`)
  const shape = broadcast(a.shape, b.shape)
  return g.node({ operator, inputs: [a, b], outputs: [{ type: a.type, shape }] })[0]!
}

const comparison = (operator: string) => (g: GraphBuilder, a: Value, b: Value) => {
  if (a.type !== b.type) throw new TypeError(`${operator} of ${a.type} and ${b.type}`)
  const shape = broadcast(a.shape, b.shape)
  return g.node({ operator, inputs: [a, b], outputs: [{ type: 'bool', shape }] })[0]!
}

const unary = (operator: string) => (g: GraphBuilder, x: Value) =>
  g.node({ operator, inputs: [x], outputs: [{ type: x.type, shape: x.shape }] })[0]!

export const add = binary('Add')
export const sub = binary('Sub')
export const mul = binary('Mul')
export const div = binary('Div')
export const pow = binary('Pow')
export const min = binary('Min')
export const max = binary('Max')
export const equal = comparison('Equal')
export const greaterOrEqual = comparison('GreaterOrEqual')
export const lessOrEqual = comparison('LessOrEqual')
export const and = comparison('And')
export const neg = unary('Neg')
export const exp = unary('Exp')
export const log = unary('Log')
export const sqrt = unary('Sqrt')
export const reciprocal = unary('Reciprocal')
export const sigmoid = unary('Sigmoid')
export const tanh = unary('Tanh')
export const identity = unary('Identity')

export const where = (g: GraphBuilder, condition: Value, a: Value, b: Value): Value => {
  const shape = broadcast(condition.shape, broadcast(a.shape, b.shape))
  const outputs = [{ type: a.type, shape }]
  return g.node({ operator: 'Where', inputs: [condition, a, b], outputs })[0]!
}

export const cast = (g: GraphBuilder, x: Value, type: ElementType): Value =>
  x.type === type
    ? x
    : g.node({
        operator: 'Cast',
        inputs: [x],
        outputs: [{ type, shape: x.shape }],
        attributes: { to: int(DATA_TYPES[type]) },
      })[0]!
