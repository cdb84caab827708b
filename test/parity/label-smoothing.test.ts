/** Cross-entropy with smoothed labels against recorded torch, in blocks of the vocabulary. */
import { readFileSync } from 'node:fs'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import t from 'tap'
import { backward } from '../../trainer-image/src/autodiff/backward.ts'
import { crossEntropy } from '../../trainer-image/src/autodiff/composites/cross-entropy.ts'
import { GraphBuilder } from '../../trainer-image/src/graph/build.ts'
import { concat, gather } from '../../trainer-image/src/graph/operators/movement.ts'
import { writeOnnx } from '../../trainer-image/src/graph/write-onnx.ts'
import { relativeError, uniform } from '../fixtures/parity/numbers.ts'

const TOLERANCE = 2e-6
/** The last block is narrower. */
const BLOCK = 4

type Case = {
  readonly smoothing: number
  readonly softcap: number | null
  readonly loss: number
  readonly hidden: readonly number[]
  readonly weight: readonly number[]
}
const recorded = JSON.parse(
  readFileSync(new URL('../fixtures/parity/label-smoothing.json', import.meta.url), 'utf8'),
) as {
  readonly targets: readonly number[]
  readonly hidden: number
  readonly vocabulary: number
  readonly cases: readonly Case[]
}
const { targets, hidden: width, vocabulary } = recorded
const starts = [0, BLOCK, 2 * BLOCK]
const rowsOf = (start: number) => Math.min(BLOCK, vocabulary - start)

const graphOf = ({ smoothing, softcap }: Case, trainsWeight: boolean) => {
  const g = new GraphBuilder()
  const hidden = g.input('hidden', 'float32', [targets.length, width])
  const blocks = starts.map(start => ({
    start,
    weight: g.input(`weight.${start}`, 'float32', [rowsOf(start), width]),
  }))
  const values = [hidden, ...blocks.map(block => block.weight)]
  const ids = g.constant('int32', targets)
  const { lossSum } = crossEntropy(g, {
    hidden,
    blocks,
    targets: ids,
    targetWeights: gather(g, concat(g, values.slice(1), 0), ids),
    softcap: softcap ?? undefined,
    trainsWeight,
    labelSmoothing: smoothing,
  })
  const wanted = trainsWeight ? values : [hidden]
  const gradients = backward(g, lossSum, wanted, g.input('zero', 'float32', []))
  g.output('loss', lossSum)
  wanted.forEach((value, i) => {
    g.output(`gradient of ${value.name}`, gradients[i]!)
  })
  return g.finish('label smoothing')
}

const hidden = uniform('hidden', targets.length * width).map(value => 4 * value)
const weight = uniform('weight', vocabulary * width)
const feeds = {
  zero: new Tensor('float32', [0], []),
  hidden: new Tensor('float32', hidden, [targets.length, width]),
  ...Object.fromEntries(
    starts.map(start => {
      const rows = rowsOf(start)
      const data = weight.slice(start * width, (start + rows) * width)
      return [`weight.${start}`, new Tensor('float32', data, [rows, width])]
    }),
  ),
}

const run = async (recording: Case, trainsWeight: boolean) => {
  const graph = writeOnnx(graphOf(recording, trainsWeight))
  const session = await InferenceSession.create(graph, { intraOpNumThreads: 1 })
  const used = Object.entries(feeds).filter(([name]) => session.inputNames.includes(name))
  const out = await session.run(Object.fromEntries(used))
  await session.release()
  return (name: string) => out[name]!.data as Float32Array
}

for (const recording of recorded.cases)
  t.test(`smoothing ${recording.smoothing}, cap ${recording.softcap}`, async t => {
    const frozen = await run(recording, false)
    const trained = await run(recording, true)
    for (const out of [frozen, trained]) {
      t.ok(relativeError(out('loss'), [recording.loss]) <= TOLERANCE, 'loss')
      const off = relativeError(out('gradient of hidden'), recording.hidden)
      t.ok(off <= TOLERANCE, `gradient of the hidden states (off by ${off})`)
    }
    const parts = starts.flatMap(start => [...trained(`gradient of weight.${start}`)])
    const off = relativeError(parts, recording.weight)
    t.ok(off <= TOLERANCE, `gradient of the weight (off by ${off})`)
  })
