/** Which values of a training step are halves. */
import { join } from 'node:path'
import t from 'tap'
import type { Graph, Node, Value } from '../../../../trainer-image/src/graph/node.ts'
import { writeOnnx } from '../../../../trainer-image/src/graph/write-onnx.ts'
import { readModelConfig } from '../../../../trainer-image/src/model/read-config.ts'
import { estimateMemory } from '../../../../trainer-image/src/plan/estimate-memory.ts'
import { isInLayer, isLate } from '../../../../trainer-image/src/precision/scopes.ts'
import { trainProgram } from '../../../../trainer-image/src/session/programs.ts'
import { layOut } from '../../../../trainer-image/src/session/weights-file.ts'
import { modelOf } from '../../../bench/models.ts'
import {
  adapterConfigOf,
  MODELS,
  writeModel,
} from '../../../fixtures/parity/recorded-architecture.ts'

const HALF = 'bfloat16'
const ROWS = { rows: 2, length: 256 }
const folder = t.testdir({})

const open = async (index: number, recompute = false) => {
  const model = MODELS.cases[index]!
  const config = await readModelConfig(await writeModel(join(folder, model.name), model))
  const program = { config, method: adapterConfigOf(model), recompute, ...ROWS }
  const weights = layOut(config, undefined, HALF)
  return { config, program, graph: trainProgram({ ...program, weights, half: HALF }) }
}

const isFloat = (value: Value | undefined): value is Value =>
  value?.type === 'float32' || value?.type === HALF
const typesOf = (values: readonly (Value | undefined)[]) => [
  ...new Set(values.filter(isFloat).map(({ type }) => type)),
]
const nodesOf = ({ nodes }: Graph, ...operators: readonly string[]) =>
  nodes.filter(({ operator }) => operators.includes(operator))

t.test('products of the layers are of halves, those of the loss of float32', async t => {
  const { graph } = await open(0)
  const products = nodesOf(graph, 'MatMul', 'FusedMatMul')
  const inside = products.filter(isInLayer)
  t.ok(inside.length > 20)
  for (const { inputs, outputs } of inside) t.same(typesOf([...inputs, ...outputs]), [HALF])
  const outside = products.filter(node => !isInLayer(node))
  t.ok(outside.length > 0)
  for (const { inputs, outputs } of outside) t.same(typesOf([...inputs, ...outputs]), ['float32'])
})

t.test('what folds an axis, rotates or pads computes in float32', async t => {
  const { graph } = await open(0)
  const operators = ['Softmax', 'SimplifiedLayerNormalization', 'RotaryEmbedding', 'Pad']
  const folding = [...operators, 'ReduceSum', 'ReduceMean', 'ReduceMax', 'Exp', 'Log']
  const found = nodesOf(graph, ...folding)
  t.same(new Set(found.map(({ operator }) => operator)), new Set(folding))
  for (const { operator, inputs } of found) t.notOk(typesOf(inputs).includes(HALF), operator)
})

t.test('what is fed and fetched stays float32', async t => {
  const { graph } = await open(0)
  t.same(typesOf([...graph.inputs, ...graph.outputs]), ['float32'])
})

t.test('the residual stream is float32', async t => {
  const { graph } = await open(0)
  const makers = new Map(graph.nodes.flatMap(node => node.outputs.map(o => [o?.name, node])))
  const normed = nodesOf(graph, 'SimplifiedLayerNormalization').flatMap(
    ({ inputs }) => makers.get(inputs[0]!.name) ?? [],
  )
  t.ok(normed.some(({ operator }) => operator === 'Add'))
  for (const { operator, inputs } of normed)
    if (operator === 'Add') t.same(typesOf(inputs), ['float32'])
})

const TOKENS = ROWS.rows * ROWS.length
/** What is not known is how many tokens are left in the last layer. */
const elements = ({ shape }: Value) =>
  shape.reduce<number>((size, length) => size * (length === 'N' ? TOKENS : Number(length)), 1)

/** Of a forward pass that are kept for the backward pass. */
const kept = (graph: Graph): readonly Value[] => {
  const made = new Map<string, Value>()
  const isForward = (node: Node) => isInLayer(node) && !isLate(node)
  for (const node of graph.nodes.filter(isForward))
    for (const output of node.outputs) if (isFloat(output)) made.set(output.name, output)
  const late = graph.nodes.filter(isLate).flatMap(({ inputs }) => inputs)
  return [...new Set(late.flatMap(input => made.get(input?.name ?? '') ?? []))]
}

t.test('activations are kept for the backward pass as halves', async t => {
  for (const index of MODELS.cases.keys()) {
    const { graph, config } = await open(index)
    const values = kept(graph)
    const wide = values.filter(({ type }) => type === 'float32')
    // the tanh of capped scores, whose slope is 1 - tanh²
    const large = wide.filter(value => elements(value) >= TOKENS * config.hiddenSize)
    const capped = config.attentionSoftcap === undefined ? 0 : 2 * config.layers
    t.ok(large.length <= capped, `${MODELS.cases[index]!.name}: ${large.map(({ name }) => name)}`)
    t.ok(values.some(value => value.type === HALF))
  }
})

t.test('the plan counts halves as halves', async t => {
  const { program } = await open(0)
  // of a model so small as the others the plan is mostly the process and the graph's nodes
  const shape = { ...program, config: modelOf('smollm2-135m', 6), rows: 8, length: 512 }
  const [half, whole] = [estimateMemory({ ...shape, half: HALF }), estimateMemory(shape)]
  t.ok(half < whole, `${half} bytes against ${whole}`)
})

t.test('without a half type the graph is what it was', async t => {
  const { program, config } = await open(0)
  const weights = layOut(config, undefined)
  const graph = trainProgram({ ...program, weights })
  t.notOk(graph.inputs.some(({ name }) => name === 'loss_scale'))
  t.notOk(nodesOf(graph, 'Cast').some(({ inputs }) => inputs[0]?.type === 'float32'))
  t.ok(writeOnnx(graph).length > 0)
})
