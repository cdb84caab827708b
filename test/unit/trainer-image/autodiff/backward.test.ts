import t from 'tap'
import { backward } from '../../../../trainer-image/src/autodiff/backward.ts'
import { recomputed } from '../../../../trainer-image/src/autodiff/recompute.ts'
import { GraphBuilder } from '../../../../trainer-image/src/graph/build.ts'
import type { Graph, Value } from '../../../../trainer-image/src/graph/node.ts'
import { add, mul, sigmoid } from '../../../../trainer-image/src/graph/operators/elementwise.ts'
import { fusedMatMul } from '../../../../trainer-image/src/graph/operators/matrix.ts'
import { reduceSum } from '../../../../trainer-image/src/graph/operators/reduce.ts'

const count = (graph: Graph, operator: string) =>
  graph.nodes.filter(node => node.operator === operator).length

const total = (g: GraphBuilder, x: Value) => reduceSum(g, x, [0, 1], false)
const matrix = (g: GraphBuilder, name: string) => g.input(name, 'float32', [4, 4])
const linear = (g: GraphBuilder, x: Value, w: Value) => fusedMatMul(g, x, w, { transB: true })

t.test('frozen weights get no gradient, nor does what lies before the first parameter', t => {
  const g = new GraphBuilder()
  const [x, frozen, trained, head] = ['x', 'frozen', 'trained', 'head'].map(n => matrix(g, n))
  const y = linear(g, linear(g, linear(g, x!, frozen!), trained!), head!)
  const [gradient] = backward(g, total(g, y), [trained!])
  g.output('gradient', gradient!)
  // forward up to the trained layer's input; backward through the head, and the trained layer's own
  t.equal(count(g.finish('frozen'), 'FusedMatMul'), 1 + 2)
  t.end()
})

t.test('a value that is used twice gets the sum', t => {
  const g = new GraphBuilder()
  const x = matrix(g, 'x')
  const [gradient] = backward(g, total(g, add(g, sigmoid(g, x), mul(g, x, x))), [x])
  g.output('gradient', gradient!)
  t.equal(count(g.finish('twice'), 'Add'), 2)
  t.end()
})

t.test('a parameter that the loss does not reach is refused by name', t => {
  const g = new GraphBuilder()
  const [x, lonely] = [matrix(g, 'x'), matrix(g, 'lonely')]
  t.throws(() => backward(g, total(g, x), [lonely]), /does not depend on lonely/)
  t.end()
})

t.test('an operator without a row is refused by name, but only on the way of a gradient', t => {
  const erf = (g: GraphBuilder, x: Value) =>
    g.node({ operator: 'Erf', inputs: [x], outputs: [x] })[0]!
  const g = new GraphBuilder()
  const [x, w] = [matrix(g, 'x'), matrix(g, 'w')]
  t.throws(() => backward(g, total(g, erf(g, w)), [w]), /no gradient for operator Erf/)
  const other = new GraphBuilder()
  const [input, weight] = [matrix(other, 'x'), matrix(other, 'w')]
  const y = mul(other, erf(other, input), weight)
  t.doesNotThrow(() => backward(other, total(other, y), [weight]))
  t.same(x.shape, [4, 4])
  t.end()
})

const twoSigmoids = (make: (g: GraphBuilder, x: Value, block: (y: Value) => Value) => Value) => {
  const g = new GraphBuilder()
  const zero = g.input('zero', 'float32', [])
  const [x, w] = [matrix(g, 'x'), matrix(g, 'w')]
  const y = make(g, x, z => sigmoid(g, sigmoid(g, mul(g, z, w))))
  const loss = total(g, mul(g, y, y))
  g.output('loss', loss)
  g.output('gradient', backward(g, loss, [w], zero)[0]!)
  return g.finish('block')
}

/** Names that the value depends on. */
const ancestors = (graph: Graph, name: string): ReadonlySet<string> => {
  const maker = graph.nodes.find(node => node.outputs.some(output => output?.name === name))
  const inputs = maker?.inputs.flatMap(input => input?.name ?? []) ?? []
  return new Set([name, ...inputs.flatMap(input => [...ancestors(graph, input)])])
}

t.test('without recomputation everything is kept', t => {
  t.equal(
    count(
      twoSigmoids((_, x, block) => block(x)),
      'Sigmoid',
    ),
    2,
  )
  t.end()
})

t.test('a recomputed block runs again on its input, which waits for the gradient', t => {
  const graph = twoSigmoids((g, x, block) => recomputed(g, x, block))
  // the block's own output is at hand, so only the first of the two is computed again
  t.equal(count(graph, 'Sigmoid'), 3)
  const again = graph.nodes.filter(node => node.operator === 'Sigmoid').at(-1)!
  t.ok(ancestors(graph, again.outputs[0]!.name).has('zero'))
  t.end()
})

t.test('a cheap value is computed again where its gradient is needed', t => {
  const graph = twoSigmoids((g, x, block) => g.cheap(() => block(x)))
  t.equal(count(graph, 'Sigmoid'), 4)
  const [, , ...again] = graph.nodes.filter(node => node.operator === 'Sigmoid')
  for (const node of again) t.ok(ancestors(graph, node.outputs[0]!.name).has('zero'))
  t.end()
})

t.test('what is computed again needs the runtime zero', t => {
  const g = new GraphBuilder()
  const w = matrix(g, 'w')
  const cheap = g.cheap(() => sigmoid(g, w))
  t.throws(() => backward(g, total(g, mul(g, cheap, cheap)), [w]), /need the input `zero`/)
  t.end()
})
