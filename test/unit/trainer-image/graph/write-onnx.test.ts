import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GraphBuilder } from '@attune/trainer/graph/build.ts'
import { add, sigmoid } from '@attune/trainer/graph/operators/elementwise.ts'
import { fusedMatMul } from '@attune/trainer/graph/operators/matrix.ts'
import { concat, reshape, slice, split } from '@attune/trainer/graph/operators/movement.ts'
import { writeOnnx } from '@attune/trainer/graph/write-onnx.ts'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import t from 'tap'

t.test('a graph with external weights and a symbolic dimension runs', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'onnx-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const weights = Float32Array.from({ length: 8 }, (_, i) => i)
  await writeFile(join(folder, 'weights.bin'), new Uint8Array(weights.buffer))

  const g = new GraphBuilder()
  const x = g.input('x', 'float32', ['N', 4])
  const external = { location: 'weights.bin', offset: 0, bytes: 32 }
  const w = g.external('w', 'float32', [2, 4], external)
  const product = fusedMatMul(g, x, w, { transB: true, alpha: 0.5 })
  t.same(product.shape, ['N', 2])
  g.output('y', add(g, product, g.scalar('float32', 1)))
  await writeFile(join(folder, 'model.onnx'), writeOnnx(g.finish('example')))

  const session = await InferenceSession.create(join(folder, 'model.onnx'))
  const feeds = { x: new Tensor('float32', [1, 0, 0, 0, 1, 1, 1, 1], [2, 4]) }
  const { y } = await session.run(feeds)
  t.same(y?.dims, [2, 2])
  t.same(Array.from(y?.data as Float32Array), [1, 3, 4, 12])
  await session.release()
})

t.test('what no output needs is left out', t => {
  const g = new GraphBuilder()
  const x = g.input('x', 'float32', [2])
  add(g, x, g.scalar('float32', 7))
  g.output('y', sigmoid(g, x))
  const graph = g.finish('pruned')
  t.same(
    graph.nodes.map(node => node.operator),
    ['Sigmoid'],
  )
  t.same(graph.initializers, [])
  t.end()
})

t.test('an input may be an output, and a value two outputs', async t => {
  const g = new GraphBuilder()
  const x = g.input('x', 'float32', [2])
  const y = add(g, x, x)
  g.output('same', x)
  g.output('first', y)
  g.output('second', y)
  const session = await InferenceSession.create(writeOnnx(g.finish('outputs')))
  const fetched = await session.run({ x: new Tensor('float32', [1, 2], [2]) })
  t.same(Array.from(fetched['same']?.data as Float32Array), [1, 2])
  t.same(Array.from(fetched['first']?.data as Float32Array), [2, 4])
  t.same(Array.from(fetched['second']?.data as Float32Array), [2, 4])
})

t.test('shapes', t => {
  const g = new GraphBuilder()
  const x = g.input('x', 'float32', ['B', 6])
  t.same(reshape(g, x, ['B', 2, 3]).shape, ['B', 2, 3])
  t.same(reshape(g, x, ['M', 3]).shape, ['M', 3])
  t.throws(() => reshape(g, x, ['M', 'N']), /2 free dimensions/)
  t.same(slice(g, x, { axis: 1, start: 4, end: 9 }).shape, ['B', 2])
  const parts = split(g, x, -1, [2, 4])
  t.same(
    parts.map(part => part.shape),
    [
      ['B', 2],
      ['B', 4],
    ],
  )
  t.same(concat(g, parts, 1).shape, ['B', 6])
  t.throws(() => add(g, x, g.input('z', 'float32', [4])), /6 and 4 do not broadcast/)
  const wide = g.input('wide', 'float32', [5, 2])
  t.throws(() => fusedMatMul(g, x, wide, {}), /inner dimensions 6 and 5/)
  t.end()
})
