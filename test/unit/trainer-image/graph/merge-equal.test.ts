import { GraphBuilder } from '@attune/trainer/graph/build.ts'
import { mergeEqual } from '@attune/trainer/graph/merge-equal.ts'
import { int } from '@attune/trainer/graph/node.ts'
import { add, mul } from '@attune/trainer/graph/operators/elementwise.ts'
import t from 'tap'

const operatorsOf = (g: GraphBuilder) =>
  mergeEqual(g.finish('test')).nodes.map(({ operator, inputs }) => [
    operator,
    ...inputs.map(input => input?.name),
  ])

t.test('what is computed alike from alike is computed once', async t => {
  const g = new GraphBuilder()
  const [x, y] = [g.input('x', 'float32', [2]), g.input('y', 'float32', [2])]
  const [first, second] = [add(g, x, y), add(g, x, y)]
  g.output('out', add(g, mul(g, first, y), mul(g, second, y)))
  const [sum, product] = [first.name, mergeEqual(g.finish('test')).nodes[1]?.outputs[0]?.name]
  t.strictSame(operatorsOf(g), [
    ['Add', 'x', 'y'],
    ['Mul', sum, 'y'],
    ['Add', product, product],
  ])
})

t.test('other inputs, their order, attributes and outputs make another node', async t => {
  const g = new GraphBuilder()
  const [x, y] = [g.input('x', 'float32', [2, 2]), g.input('y', 'float32', [2, 2])]
  const softmax = (axis: number) =>
    g.node({
      operator: 'Softmax',
      inputs: [x],
      outputs: [{ type: 'float32', shape: [2, 2] }],
      attributes: { axis: int(axis) },
    })[0]!
  const values = [add(g, x, y), add(g, y, x), mul(g, x, y), softmax(0), softmax(1), softmax(1)]
  g.output(
    'out',
    values.reduce((sum, value) => add(g, sum, value)),
  )
  const operators = operatorsOf(g).map(([operator]) => operator)
  t.equal(operators.filter(operator => operator === 'Softmax').length, 2)
  t.equal(operators.length, 5 + 5)
})

t.test('an output of the graph stays', async t => {
  const g = new GraphBuilder()
  const x = g.input('x', 'float32', [2])
  g.output('one', add(g, x, x))
  g.output('other', add(g, x, x))
  const merged = mergeEqual(g.finish('test'))
  t.strictSame(
    merged.nodes.map(({ outputs }) => outputs[0]?.name),
    ['one', 'other'],
  )
})
