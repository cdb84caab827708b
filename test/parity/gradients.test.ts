/** Every row of the gradient table against recorded torch, and against finite differences in double precision. */
import { readFileSync } from 'node:fs'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import t from 'tap'
import { backward } from '../../trainer-image/src/autodiff/backward.ts'
import { GRADIENTS } from '../../trainer-image/src/autodiff/gradients.ts'
import { GraphBuilder } from '../../trainer-image/src/graph/build.ts'
import type { Graph, Node, Value } from '../../trainer-image/src/graph/node.ts'
import { mul } from '../../trainer-image/src/graph/operators/elementwise.ts'
import { reduceSum } from '../../trainer-image/src/graph/operators/reduce.ts'
import { writeOnnx } from '../../trainer-image/src/graph/write-onnx.ts'
import { type Build, CASES, LOOPED } from '../fixtures/parity/gradient-cases.ts'
import { type Array64, interpret } from '../fixtures/parity/interpreter.ts'
import { relativeError, sizeOf, uniform } from '../fixtures/parity/numbers.ts'

/** Single precision against single precision. */
const TORCH_TOLERANCE = 2e-6
/** Central differences in double precision; constants of the graph are rounded to single. */
const DIFFERENCE_TOLERANCE = 2e-6
const STEP = 1e-5

type Case = {
  readonly name: string
  readonly inputs: readonly (readonly number[])[]
  readonly outputShape: readonly number[]
  readonly output: readonly number[]
  readonly gradients: readonly (readonly number[] | null)[]
}
const recorded = JSON.parse(
  readFileSync(new URL('../fixtures/parity/gradients.json', import.meta.url), 'utf8'),
) as { readonly versions: Record<string, string>; readonly cases: readonly Case[] }

const inputsOf = ({ name, inputs }: Case) =>
  inputs.map((shape, i) => {
    const bounds = name.endsWith('+') ? ([0.5, 2] as const) : ([-1, 1] as const)
    return { shape, data: uniform(`${name}/${i}`, sizeOf(shape), ...bounds) }
  })

type Differentiated = { readonly graph: Graph; readonly operators: readonly string[] }

/** Σ output·weights and its gradients: outputs `output`, `loss`, `gradient.0`, … */
const differentiate = (recording: Case, build = CASES[recording.name]!): Differentiated => {
  const g = new GraphBuilder()
  const { name, inputs, outputShape, gradients } = recording
  const values = inputs.map((shape, i) => g.input(`input.${i}`, 'float32', shape))
  const output = build(g, values)
  const weights = uniform(`${name}/d`, sizeOf(outputShape))
  const weighted = mul(g, output, g.constant('float32', weights, outputShape))
  const axes = outputShape.map((_, axis) => axis)
  const loss = axes.length > 0 ? reduceSum(g, weighted, axes, false) : weighted
  const operators = operatorsOf(g.nodes)
  const wanted = values.filter((_, i) => gradients[i] !== null)
  const made = backward(g, loss, wanted, g.input('zero', 'float32', []))
  g.output('output', output)
  g.output('loss', loss)
  wanted.forEach((value: Value, i) => {
    g.output(value.name.replace('input', 'gradient'), made[i]!)
  })
  return { graph: g.finish(name), operators }
}

const operatorsOf = (nodes: readonly Node[]): readonly string[] =>
  nodes.flatMap(node => [node.operator, ...operatorsOf(node.body ?? [])])

const likeTorch = (title: string, recording: Case, build?: Build) =>
  t.test(title, async t => {
    const { gradients } = recording
    const { graph } = differentiate(recording, build)
    const inputs = inputsOf(recording)
    const session = await InferenceSession.create(writeOnnx(graph), { intraOpNumThreads: 1 })
    const feeds = [
      ['zero', new Tensor('float32', [0], [])] as const,
      ...inputs.map(
        ({ shape, data }, i) => [`input.${i}`, new Tensor('float32', data, shape)] as const,
      ),
    ]
    const used = new Set(session.inputNames)
    const out = await session.run(Object.fromEntries(feeds.filter(([key]) => used.has(`${key}`))))
    await session.release()
    const check = (output: string, expected: ArrayLike<number>) => {
      const error = relativeError(out[output]!.data as Float32Array, expected)
      t.ok(error <= TORCH_TOLERANCE, `${output} equals torch's (off by ${error})`)
    }
    check('output', recording.output)
    for (const [i, expected] of gradients.entries()) if (expected) check(`gradient.${i}`, expected)
  })

for (const recording of recorded.cases) {
  const { name, gradients } = recording
  likeTorch(name, recording)
  const looped = LOOPED[name]
  if (looped) likeTorch(`${name}, in a loop`, recording, looped)

  t.test(`${name}, by finite differences`, async t => {
    const { graph } = differentiate(recording)
    const zero = { shape: [], data: Float64Array.of(0) }
    const drawn = Object.fromEntries(
      inputsOf(recording).map(({ shape, data }, i) => [
        `input.${i}`,
        { shape, data: Float64Array.from(data) },
      ]),
    )
    const inputs: Readonly<Record<string, Array64>> = { ...drawn, zero }
    const lossWith = (input: string, at: number, moved: number) => {
      const { shape, data } = inputs[input]!
      const changed = { ...inputs, [input]: { shape, data: data.with(at, data[at]! + moved) } }
      return interpret(lossOnly(graph), changed).get('loss')!.data[0]!
    }
    const results = interpret(graph, inputs)
    gradients.forEach((expected, i) => {
      if (!expected) return
      const differences = expected.map((_, at) => {
        const input = `input.${i}`
        return (lossWith(input, at, STEP) - lossWith(input, at, -STEP)) / (2 * STEP)
      })
      const error = relativeError(results.get(`gradient.${i}`)!.data, differences)
      t.ok(error <= DIFFERENCE_TOLERANCE, `gradient ${i} is the slope (off by ${error})`)
    })
  })
}

const lossOnly = (graph: Graph): Graph => {
  const needed = new Set(['loss'])
  const nodes = graph.nodes
    .toReversed()
    .filter(node => {
      if (!node.outputs.some(output => output && needed.has(output.name))) return false
      for (const input of node.inputs) if (input) needed.add(input.name)
      return true
    })
    .reverse()
  return { ...graph, nodes, outputs: graph.outputs.filter(({ name }) => name === 'loss') }
}

t.test('every operator of the table is among the cases', t => {
  const seen = new Set(
    recorded.cases.flatMap(recording => [
      ...differentiate(recording).operators,
      ...differentiate(recording, LOOPED[recording.name]).operators,
    ]),
  )
  t.same(
    Object.keys(GRADIENTS).filter(operator => !seen.has(operator)),
    [],
  )
  t.same(
    recorded.cases.map(({ name }) => name).filter(name => !CASES[name]),
    [],
  )
  t.end()
})
