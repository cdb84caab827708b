import { GraphBuilder } from '@attune/trainer/graph/build.ts'
import type { Value } from '@attune/trainer/graph/node.ts'
import { add, exp, mul } from '@attune/trainer/graph/operators/elementwise.ts'
import { loop } from '@attune/trainer/graph/operators/loop.ts'
import { matMul } from '@attune/trainer/graph/operators/matrix.ts'
import { concat, reshape, slice } from '@attune/trainer/graph/operators/movement.ts'
import { executionOrder } from '@attune/trainer/plan/execution-order.ts'
import { peakBytes } from '@attune/trainer/plan/peak-bytes.ts'
import t from 'tap'

const operators = (g: GraphBuilder) => executionOrder(g.finish('g')).map(node => node.operator)

t.test('runs depth first from the last output, the youngest input first', async t => {
  const g = new GraphBuilder()
  const x = g.input('x', 'float32', [2, 2])
  const a = exp(g, x)
  const b = matMul(g, x, x)
  g.output('sum', add(g, a, b))
  g.output('product', mul(g, x, x))
  t.strictSame(operators(g), ['Mul', 'MatMul', 'Exp', 'Add'])
})

t.test('runs a node once, and what only the first output needs after the last one', async t => {
  const g = new GraphBuilder()
  const x = g.input('x', 'float32', [2])
  const shared = exp(g, x)
  g.output('first', mul(g, shared, shared))
  g.output('second', add(g, shared, x))
  t.strictSame(operators(g), ['Exp', 'Add', 'Mul'])
})

/** 400 bytes a value */
const SIZE = 100
const peakOf = (build: (g: GraphBuilder) => void, sizes: Record<string, number> = {}) => {
  const g = new GraphBuilder()
  build(g)
  return peakBytes(g.finish('g'), name => sizes[name])
}

t.test('inputs of the graph are not counted, and a value is until it is read', async t => {
  const peak = peakOf(g => {
    const x = g.input('x', 'float32', [10, 10])
    const one = matMul(g, x, x)
    const two = matMul(g, one, x)
    g.output('y', matMul(g, two, x))
  })
  t.equal(peak, 2 * 4 * SIZE, 'a product and what it is made of')
})

t.test('an operator on elements writes over an input that nobody else reads', async t => {
  const chain = (readsTwice: boolean) =>
    peakOf(g => {
      const x = g.input('x', 'float32', [SIZE])
      const a = exp(g, x)
      const b = mul(g, a, x)
      g.output('y', readsTwice ? add(g, a, b) : add(g, b, x))
    })
  t.equal(chain(false), 4 * SIZE)
  t.equal(chain(true), 2 * 4 * SIZE)
})

t.test('a reshaped value is the same memory', async t => {
  const peak = peakOf(g => {
    const x = g.input('x', 'float32', [10, 10])
    g.output('y', reshape(g, exp(g, x), [SIZE]))
  })
  t.equal(peak, 4 * SIZE)
})

t.test('symbolic dimensions have the sizes that they are given', async t => {
  const build = (g: GraphBuilder) => {
    const x = g.input('x', 'float32', ['N', 10])
    g.output('y', slice(g, exp(g, x), { axis: 1, start: 0, end: 5 }))
  }
  t.equal(peakOf(build, { N: 8 }), 4 * 8 * 15)
  t.throws(() => peakOf(build), /dimension N has no size/)
})

t.test('what a turn of a loop holds counts, however many turns there are', async t => {
  const peak = (turns: number, times: number) =>
    peakOf(g => {
      const x = g.input('x', 'float32', [10, 10])
      const { carried } = loop(g, { turns, reads: [], carried: [x] }, ({ g: inner, carried }) => {
        const many = concat(inner, new Array<Value>(times).fill(carried[0]), 0)
        return { carried: [slice(inner, many, { axis: 0, start: 0, end: 10 })], stacked: [] }
      })
      g.output('y', carried[0]!)
    })
  t.equal(peak(5, 8) - peak(5, 4), 4 * 4 * SIZE)
  t.equal(peak(50, 8), peak(5, 8))
})
