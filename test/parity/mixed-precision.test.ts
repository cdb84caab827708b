/** Every family in half types against the gradients that PEFT computed in float32. */
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import t from 'tap'
import type { Graph } from '../../trainer-image/src/graph/node.ts'
import { writeOnnx } from '../../trainer-image/src/graph/write-onnx.ts'
import type { AdapterTensors } from '../../trainer-image/src/model/adapter.ts'
import type { ModelConfig } from '../../trainer-image/src/model/config.ts'
import { readModelConfig } from '../../trainer-image/src/model/read-config.ts'
import { parameterSlots } from '../../trainer-image/src/model/trainable.ts'
import type { HalfType } from '../../trainer-image/src/precision/half-type.ts'
import { batchFeeds } from '../../trainer-image/src/session/batch-feeds.ts'
import { flatten } from '../../trainer-image/src/session/flat-state.ts'
import { runInPlace } from '../../trainer-image/src/session/in-place.ts'
import { trainProgram } from '../../trainer-image/src/session/programs.ts'
import { TokenRows } from '../../trainer-image/src/session/token-rows.ts'
import { parameterFeeds, sumsInPlace } from '../../trainer-image/src/session/trained-feeds.ts'
import type { MicroBatch } from '../../trainer-image/src/session/training-engine.ts'
import { storeWeights } from '../../trainer-image/src/session/weights-file.ts'
import { openWeights } from '../../trainer-image/src/weights/open-weights.ts'
import { emulatedBfloat16 } from '../fixtures/emulated-bfloat16.ts'
import { relativeError } from '../fixtures/parity/numbers.ts'
import {
  adapterConfigOf,
  adapterOf,
  MODELS,
  packed,
  type RecordedModel,
  unpack,
  writeModel,
} from '../fixtures/parity/recorded-architecture.ts'

type Errors = { readonly loss: number; readonly gradients: number }
type Recorded = { readonly name: string } & Readonly<Record<HalfType, Errors>>

/** How far torch.autocast is from float32 (test/parity/record_mixed_precision.py). */
const RECORDED = JSON.parse(
  readFileSync(new URL('../fixtures/parity/mixed-precision.json', import.meta.url), 'utf8'),
) as { readonly versions: Readonly<Record<string, string>>; readonly cases: readonly Recorded[] }

/** Roundings in other places are off by another amount: of one model by chance more, of all of them not. */
const LARGEST_SHARE = 2
const MEAN_SHARE = 1.25
/** A loss may be right by chance: of float32 and of rounding all logits once. */
const LOSS_TOLERANCES = { float16: 1e-3, bfloat16: 8e-3 } as const
/** More than any value of such small models needs. */
const SCALE = 64

const feedsOf = (batch: MicroBatch, config: ModelConfig, model: RecordedModel, rows: TokenRows) => {
  const slots = parameterSlots(config, adapterConfigOf(model))
  const parameters = flatten(slots, adapterOf(model, config))
  const sums = new Float32Array(parameters.length)
  const inPlace = sumsInPlace(slots, sums)
  const feeds = {
    ...batchFeeds(batch),
    ...rows.feeds(batch, true),
    ...parameterFeeds(config, slots, parameters, batch.rows * batch.length),
    ...inPlace.feeds,
    zero: new Tensor('float32', [0], []),
  }
  return { feeds, sums, into: inPlace.into }
}

const run = async (
  folder: string,
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
  into: Readonly<Record<string, Tensor>>,
) => {
  const path = join(folder, 'graph.onnx')
  await writeFile(path, writeOnnx(graph))
  const session = await InferenceSession.create(path, {
    intraOpNumThreads: 1,
    executionProviders: ['cpu'],
  })
  const loss = new Float32Array(1)
  await runInPlace(session, feeds, { loss_sum: new Tensor('float32', loss, []), ...into })
  await session.release()
  return loss[0]!
}

/** @returns of the mean loss */
const trainedOnce = async (folder: string, model: RecordedModel, half: HalfType) => {
  const config = await readModelConfig(await writeModel(folder, model))
  const weights = await openWeights(folder)
  const stored = await storeWeights({ folder, config, weights, half })
  await weights.close()
  const batch = packed(model)
  const { rows, length, targetTokens } = batch
  const method = adapterConfigOf(model)
  const program = { config, method, weights: stored, rows, length, recompute: false, half }
  const graph = trainProgram(program)
  const tokenRows = new TokenRows({ folder, config, weights: stored, trained: new Set() })
  const { feeds, sums, into } = feedsOf(batch, config, model, tokenRows)
  const loss =
    half === 'bfloat16'
      ? await run(folder, emulatedBfloat16(graph), feeds, into)
      : await run(folder, graph, { ...feeds, loss_scale: new Tensor('float32', [SCALE], []) }, into)
  tokenRows.close()
  const scale = half === 'bfloat16' ? 1 : SCALE
  const gradients: AdapterTensors = new Map(
    parameterSlots(config, method).map(({ name, shape, offset, size }) => [
      name,
      {
        shape,
        data: sums.slice(offset, offset + size).map(sum => sum / scale / targetTokens.length),
      },
    ]),
  )
  return { loss: loss / targetTokens.length, gradients }
}

/** @returns length of the difference, in lengths of what is expected */
const distance = (found: readonly number[], expected: readonly number[]): number =>
  Math.hypot(...found.map((value, i) => value - expected[i]!)) / Math.hypot(...expected)

for (const half of ['float16', 'bfloat16'] as const)
  t.test(`every family learns in ${half} as near to float32 as with torch`, async t => {
    t.comment(`recorded with ${JSON.stringify(RECORDED.versions)}`)
    const folder = t.testdir({})
    const shares: number[] = []
    for (const { name, [half]: torch } of RECORDED.cases) {
      const model = MODELS.cases.find(one => one.name === name)!
      const { loss, gradients } = await trainedOnce(join(folder, name), model, half)
      const off = relativeError([loss], [model.loss])
      t.ok(off <= LOSS_TOLERANCES[half], `loss of ${name} (off by ${off}, torch by ${torch.loss})`)
      const names = Object.keys(model.gradients)
      const found = names.flatMap(each => [...gradients.get(each)!.data])
      const expected = names.flatMap(each => [...unpack(model.gradients[each]!)])
      const length = distance(found, expected)
      const share = length / torch.gradients
      shares.push(share)
      t.ok(share <= LARGEST_SHARE, `gradients of ${name} (off by ${length}, ${share} of torch's)`)
      t.ok(share > 0.1, 'they are rounded')
    }
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length
    t.ok(mean <= MEAN_SHARE, `all gradients (on average off by ${mean} of torch's)`)
  })
