/** Every family of models against transformers and PEFT: logits, LoRA gradients of packed documents, greedy answers. */
import { InferenceSession } from 'onnxruntime-node'
import t, { type Test } from 'tap'
import { GraphBuilder } from '../../trainer-image/src/graph/build.ts'
import type { Value } from '../../trainer-image/src/graph/node.ts'
import { mul, tanh } from '../../trainer-image/src/graph/operators/elementwise.ts'
import { fusedMatMul } from '../../trainer-image/src/graph/operators/matrix.ts'
import { gather } from '../../trainer-image/src/graph/operators/movement.ts'
import { writeOnnx } from '../../trainer-image/src/graph/write-onnx.ts'
import type { Tensor } from '../../trainer-image/src/model/adapter.ts'
import { familyOf } from '../../trainer-image/src/model/architectures/family-of.ts'
import { trainingOps } from '../../trainer-image/src/model/architectures/training-ops.ts'
import { biasedLinears } from '../../trainer-image/src/model/biased-linears.ts'
import type { ModelConfig, Weights } from '../../trainer-image/src/model/config.ts'
import {
  EMBEDDING_WEIGHT,
  headWeightName,
  weightShapes,
} from '../../trainer-image/src/model/linear-layers.ts'
import { frozenLinears } from '../../trainer-image/src/model/lora.ts'
import { readModelConfig } from '../../trainer-image/src/model/read-config.ts'
import { createTrainingEngine } from '../../trainer-image/src/session/create-training-engine.ts'
import { createGenerator } from '../../trainer-image/src/session/generator.ts'
import { openWeights } from '../../trainer-image/src/weights/open-weights.ts'
import { relativeError } from '../fixtures/parity/numbers.ts'
import {
  adapterConfigOf,
  adapterOf,
  MODELS,
  packed,
  type RecordedModel,
  summaryOf,
  tokensOf,
  unpack,
  writeModel,
} from '../fixtures/parity/recorded-architecture.ts'
import { gradientsOnly } from '../fixtures/parity/recorded-run.ts'

/** Single precision against single precision, through three layers and back. */
const TOLERANCE = 1e-4

type Opened = {
  readonly model: RecordedModel
  readonly config: ModelConfig
  readonly weights: Weights
}

const open = async (t: Test, model: RecordedModel): Promise<Opened> => {
  const folder = await writeModel(t.testdir(), model)
  const config = await readModelConfig(folder)
  const weights = await openWeights(folder)
  t.teardown(() => weights.close())
  return { model, config, weights }
}

/** The training graph's forward pass without an adapter, down to its logits. */
const logitsOf = async ({ config, weights, model }: Opened): Promise<Float32Array> => {
  const g = new GraphBuilder()
  const { tokens, positions, segments, length } = packed(model)
  const values = new Map<string, Value>()
  for (const { name, shape } of weightShapes(config))
    values.set(name, g.constant('float32', await weights.read(name), shape))
  const weight = (name: string) => values.get(name)!
  const linears = biasedLinears(config, weight, frozenLinears(weight))
  const inputs = {
    rows: 1,
    length,
    embeddings: gather(g, weight(EMBEDDING_WEIGHT), g.constant('int32', tokens)),
    positions: g.constant('int64', positions, [1, length]),
    segments: g.constant('int32', segments, [1, length]),
    asked: g.constant('int32', [...segments.keys()]),
  }
  const parts = {
    config,
    weight,
    linears,
    recomputedLayers: 0,
    fusesAttention: false,
  }
  const ops = trainingOps(g, parts, inputs)
  const hidden = familyOf(config).forward(ops)
  const product = fusedMatMul(g, hidden, weight(headWeightName(config)), { transB: true })
  g.output('logits', capped(g, product, config.logitSoftcap))
  const session = await InferenceSession.create(writeOnnx(g.finish('logits')), {
    intraOpNumThreads: 1,
  })
  const { logits } = await session.run({})
  await session.release()
  return logits!.data as Float32Array
}

const capped = (g: GraphBuilder, x: Value, cap: number | undefined): Value => {
  if (cap === undefined) return x
  const scalar = (value: number) => g.scalar('float32', value)
  return mul(g, tanh(g, mul(g, x, scalar(1 / cap))), scalar(cap))
}

/** The rows that are recorded of each document: all of a short one, every eighth of a long one. */
const recordedRows = (model: RecordedModel, logits: Float32Array) => {
  let start = 0
  return model.documents.map(length => {
    const step = length > 24 ? 8 : 1
    const first = start
    start += length
    const rows = Array.from({ length: Math.ceil(length / step) }, (_, i) => first + i * step)
    const { vocabulary } = MODELS
    return rows.flatMap(row => [...logits.subarray(row * vocabulary, (row + 1) * vocabulary)])
  })
}

for (const model of MODELS.cases) {
  t.test(`${model.name} gives the logits of transformers`, async t => {
    t.comment(`recorded with ${JSON.stringify(MODELS.versions)}`)
    const logits = recordedRows(model, await logitsOf(await open(t, model)))
    model.logits.forEach((expected, document) => {
      const error = relativeError(logits[document]!, unpack(expected))
      t.ok(error <= TOLERANCE, `document ${document} (off by ${error})`)
    })
  })

  for (const recompute of [false, true])
    t.test(`${model.name} learns as with PEFT${recompute ? ', recomputed' : ''}`, async t => {
      const { config, weights } = await open(t, model)
      const engine = await createTrainingEngine({
        config,
        weights,
        method: adapterConfigOf(model),
        start: { parameters: adapterOf(model, config) },
        recompute,
        scratchFolder: t.testdir(),
        threads: 1,
      })
      t.teardown(() => engine.close())
      const batch = packed(model)
      const targets = batch.targetTokens.length
      const { lossSum } = await engine.accumulate(batch)
      const loss = relativeError([lossSum / targets], [model.loss])
      t.ok(loss <= TOLERANCE, `loss (off by ${loss})`)
      await engine.update(gradientsOnly(targets))
      const { firstMoments } = await engine.state()
      t.same([...firstMoments.keys()].toSorted(), Object.keys(model.gradients).toSorted())
      let worst = 0
      for (const [name, expected] of Object.entries(model.gradients)) {
        const error = relativeError(firstMoments.get(name)!.data, unpack(expected))
        worst = Math.max(worst, error)
        if (error > TOLERANCE) t.fail(`${name} is off by ${error}`)
      }
      t.ok(worst <= TOLERANCE, `gradients (off by ${worst} at most)`)
    })

  // A model whose KV heads are repeated has gradients of its own for them.
  if (model.name === model.stream)
    t.test(`${model.name} has the gradients of torch in every weight`, async t => {
      const { config, weights } = await open(t, model)
      const parameters = new Map<string, Tensor>()
      for (const name of weights.names)
        parameters.set(name, { shape: weights.shape(name), data: await weights.read(name) })
      const engine = await createTrainingEngine({
        config,
        weights,
        method: { type: 'Full' },
        start: { parameters },
        recompute: false,
        scratchFolder: t.testdir(),
        threads: 1,
      })
      t.teardown(() => engine.close())
      const batch = packed(model)
      const targets = batch.targetTokens.length
      const { lossSum } = await engine.accumulate(batch)
      const loss = relativeError([lossSum / targets], [model.baseLoss])
      t.ok(loss <= TOLERANCE, `loss (off by ${loss})`)
      await engine.update(gradientsOnly(targets))
      const { firstMoments } = await engine.state()
      t.same([...firstMoments.keys()].toSorted(), Object.keys(model.wholeGradients).toSorted())
      let worst = 0
      for (const [name, [length, product]] of Object.entries(model.wholeGradients)) {
        const found = summaryOf(model, name, firstMoments.get(name)!.data)
        const off = Math.max(Math.abs(found.length - length), Math.abs(found.product - product))
        worst = Math.max(worst, off / length)
        if (off > TOLERANCE * length) t.fail(`${name} is off by ${off / length}`)
      }
      t.ok(worst <= TOLERANCE, `gradients (off by ${worst} at most)`)
    })

  t.test(`${model.name} answers as transformers and PEFT do`, async t => {
    const { config, weights } = await open(t, model)
    const generator = await createGenerator({
      config,
      weights,
      adapterConfig: adapterConfigOf(model),
      adapter: adapterOf(model, config),
      scratchFolder: t.testdir(),
      threads: 1,
    })
    t.teardown(() => generator.close())
    const documents = tokensOf(model)
    const prompts = model.prompts.map((length, i) => documents[i]!.slice(0, length))
    for (const kind of ['base', 'tuned'] as const)
      for (const batchSize of [1, 2]) {
        const answers = await generator.generate(prompts, {
          model: kind,
          maxNewTokens: MODELS.newTokens,
          batchSize,
          signal: new AbortController().signal,
        })
        const expected = model.greedy[kind]
        t.same(
          answers.map(answer => [...answer]),
          expected,
          `${kind}, ${batchSize} at once`,
        )
      }
  })
}
