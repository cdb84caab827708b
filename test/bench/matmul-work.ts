/** Nothing but the model's matrix products, forward and backward of the frozen weights, at ONNX Runtime's defaults. Prints JSON. */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { GraphBuilder } from '../../trainer-image/src/graph/build.ts'
import { matMul } from '../../trainer-image/src/graph/operators/matrix.ts'
import { slice } from '../../trainer-image/src/graph/operators/movement.ts'
import { writeOnnx } from '../../trainer-image/src/graph/write-onnx.ts'
import { linearLayers } from '../../trainer-image/src/model/linear-layers.ts'
import { SMOLLM2_135M } from './random-model.ts'

const [rowsText, runsText, threads] = process.argv.slice(2)
const [rows, runs] = [Number(rowsText), Number(runsText)]
const { hiddenSize, vocabSize, layers } = SMOLLM2_135M

/** in → out of the linear layers of one layer, each as often as there are layers, and of the head */
const shapes = [
  ...linearLayers({ ...SMOLLM2_135M, layers: 1 }).map(
    ({ inFeatures, outFeatures }) => [inFeatures, outFeatures, layers] as const,
  ),
  [hiddenSize, vocabSize, 1] as const,
]

const measure = async (inner: number, outer: number): Promise<number> => {
  const g = new GraphBuilder()
  const x = g.input('x', 'float32', [rows, inner])
  const w = g.constant('float32', new Float32Array(inner * outer).fill(0.01), [inner, outer])
  g.output('y', slice(g, matMul(g, x, w), { axis: 0, start: 0, end: 1 }))
  const session = await InferenceSession.create(writeOnnx(g.finish('product')), {
    intraOpNumThreads: Number(threads),
    interOpNumThreads: 1,
  })
  const feeds = { x: new Tensor('float32', new Float32Array(rows * inner).fill(1), [rows, inner]) }
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run <= runs; run++) {
    const start = performance.now()
    await session.run(feeds)
    if (run > 0) best = Math.min(best, (performance.now() - start) / 1000)
  }
  await session.release()
  return best
}

let [flops, seconds] = [0, 0]
for (const [inner, outer, times] of shapes)
  for (const [from, to] of [
    [inner, outer],
    [outer, inner],
  ] as const) {
    flops += 2 * rows * from * to * times
    seconds += (await measure(from, to)) * times
  }
process.stdout.write(JSON.stringify({ flopsPerSecond: flops / seconds }))
