import { InferenceSession, Tensor } from 'onnxruntime-node'
import t from 'tap'
import { GraphBuilder } from '../../../../trainer-image/src/graph/build.ts'
import { add } from '../../../../trainer-image/src/graph/operators/elementwise.ts'
import { writeOnnx } from '../../../../trainer-image/src/graph/write-onnx.ts'
import { runInPlace, writesInPlace } from '../../../../trainer-image/src/session/in-place.ts'

const sessionOf = async () => {
  const g = new GraphBuilder()
  writesInPlace(g)
  const [x, y] = [g.input('x', 'float32', ['N']), g.input('y', 'float32', ['N'])]
  g.output('sum', add(g, x, y))
  return InferenceSession.create(writeOnnx(g.finish('sum')))
}

const vector = (data: Float32Array) => new Tensor('float32', data, [data.length])

t.test('a run writes where it is told, over its own input too', async t => {
  const session = await sessionOf()
  t.teardown(() => session.release())
  const [x, y] = [new Float32Array([1, 2]), vector(new Float32Array([10, 20]))]
  const there = vector(x)
  await runInPlace(session, { x: there, y }, { sum: there })
  await runInPlace(session, { x: there, y }, { sum: there })
  t.same([...x], [21, 42])
})

t.test('it makes no copy of what it wrote', async t => {
  const session = await sessionOf()
  t.teardown(() => session.release())
  const size = 2 ** 22
  const [x, y] = [vector(new Float32Array(size)), vector(new Float32Array(size))]
  const before = process.memoryUsage().arrayBuffers
  for (let run = 0; run < 4; run++) await runInPlace(session, { x, y }, { sum: x })
  t.ok(process.memoryUsage().arrayBuffers - before < size)
})

t.test('a run that fails says why', async t => {
  const session = await sessionOf()
  t.teardown(() => session.release())
  const [x, y] = [vector(new Float32Array(2)), vector(new Float32Array(3))]
  await t.rejects(runInPlace(session, { x, y }, { sum: x }), /Add/)
})
