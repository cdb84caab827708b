import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { ModelConfig, Weights } from '../../../../trainer-image/src/model/config.ts'
import { roundedWeights } from '../../../../trainer-image/src/model/quantization.ts'
import type { ExternalData } from '../../../../trainer-image/src/graph/node.ts'
import {
  layOut,
  type StoredWeight,
  storedBytes,
  storeWeights,
  type WeightsFileOptions,
} from '../../../../trainer-image/src/session/weights-file.ts'
import type { Quantization } from '../../../../trainer-image/src/weights/quantize-blocks.ts'
import { relativeError } from '../../../fixtures/parity/numbers.ts'
import { configOf, runNamed, weightsOf } from '../../../fixtures/parity/recorded-run.ts'

const run = runNamed('untied')
const [config, weights] = [configOf(run), weightsOf(run)]
const FOUR: Quantization = { bits: 4, blockSize: 16 }

const named = (stored: readonly StoredWeight[], name: string): StoredWeight =>
  stored.find(weight => weight.name === name)!

const store = (folder: string, options: Partial<WeightsFileOptions> = {}) =>
  storeWeights({ folder, config, weights, ...options })

const sizesOf = ({ external, blocks }: StoredWeight) => ({
  codes: external.bytes,
  scales: blocks?.scales.bytes,
  zeros: blocks?.zeros.bytes,
  shifts: blocks?.shifts?.bytes,
})

t.test('linear layers take codes, scales, zero points and shifts, the others float32', async t => {
  const folder = t.testdir({})
  const stored = await store(folder, { quantization: FOUR })
  // (48, 32): two blocks in a row
  const gate = named(stored, 'model.layers.0.mlp.gate_proj.weight')
  const sizes = { codes: 768, scales: 4 * 96, zeros: 4 * 96, shifts: 4 * 96 }
  t.same(sizesOf(gate), sizes)
  // (32, 48): three blocks in a row
  const down = named(stored, 'model.layers.0.mlp.down_proj.weight')
  t.same(sizesOf(down), sizes)
  for (const name of ['model.embed_tokens.weight', 'lm_head.weight', 'model.norm.weight'])
    t.equal(named(stored, name).blocks, undefined, name)
  const ranges = stored
    .flatMap(({ external, blocks }) => [
      external,
      ...(blocks ? [blocks.scales, blocks.zeros, blocks.shifts!] : []),
    ])
    .toSorted((a, b) => a.offset - b.offset)
  t.ok(ranges.every(({ offset, bytes }, i) => offset + bytes <= (ranges[i + 1]?.offset ?? 1e9)))
  t.ok(ranges.every(({ offset }) => offset % 4096 === 0))
  const last = ranges.at(-1)!
  t.equal((await stat(join(folder, 'weights.bin'))).size, last.offset + last.bytes)
})

t.test('the file holds the values that evaluation reads', async t => {
  for (const bits of [4, 8] as const) {
    const folder = t.testdir({ [`${bits}`]: {} })
    const quantization = { bits, blockSize: 16 }
    const stored = await store(folder, { quantization })
    const file = await readFile(join(folder, 'weights.bin'))
    const name = 'model.layers.1.mlp.down_proj.weight'
    const { external, blocks } = named(stored, name)
    const codeAt = (i: number) => {
      const byte = file[external.offset + Math.floor((i * bits) / 8)]!
      return (byte >> ((i * bits) % 8)) % 2 ** bits
    }
    const floatAt = ({ offset }: ExternalData, i: number) => file.readFloatLE(offset + 4 * i)
    const read = await roundedWeights(weights, config, quantization).read(name)
    const stand = read.map((_, i) => {
      const block = Math.floor(i / 16)
      const scale = floatAt(blocks!.scales, block)
      return bits === 4
        ? Math.fround(codeAt(i) * scale) + floatAt(blocks!.shifts!, block)
        : (codeAt(i) - file[blocks!.zeros.offset + block]!) * scale
    })
    t.strictSame(stand, read, `${bits} bits`)
    if (bits === 8) continue
    const count = blocks!.zeros.bytes / 4
    const starts = Float32Array.from({ length: count }, (_, b) => floatAt(blocks!.shifts!, b))
    const products = starts.map((_, b) => -floatAt(blocks!.zeros, b) * floatAt(blocks!.scales, b))
    t.ok(relativeError(products, starts) <= 2 ** -23, 'zero points and shifts say the same')
  }
})

t.test('weights of another number of bits are no weights to use again', async t => {
  const folder = t.testdir({})
  const readsOf = async (quantization?: Quantization) => {
    const read: string[] = []
    const counting: Weights = {
      ...weights,
      read: name => {
        read.push(name)
        return weights.read(name)
      },
    }
    await store(folder, { weights: counting, digest: 'one', ...(quantization && { quantization }) })
    return read.length
  }
  t.ok((await readsOf()) > 0)
  t.ok((await readsOf(FOUR)) > 0)
  t.equal(await readsOf(FOUR), 0)
  t.ok((await readsOf({ bits: 8, blockSize: 16 })) > 0)
  t.ok((await readsOf({ bits: 8, blockSize: 8 })) > 0)
})

t.test('a block size that does not divide a layer’s inputs is refused', async t => {
  await t.rejects(store(t.testdir({}), { quantization: { bits: 4, blockSize: 64 } }), {
    reason: 'InvalidSpec',
    message: /blockSize: 64 does not divide the 32 inputs of model\.layers\.0\.self_attn\.q_proj/,
  })
})

const SMOLLM2: ModelConfig = {
  ...config,
  vocabSize: 49_152,
  hiddenSize: 576,
  intermediateSize: 1536,
  layers: 30,
  heads: 9,
  kvHeads: Array<number>(30).fill(3),
  headDim: 64,
  tieWordEmbeddings: true,
}

t.test('of SmolLM2-135M at most 0.45 of the bytes of float32 are kept', async t => {
  const bytesOf = (quantization?: Quantization) => storedBytes(layOut(SMOLLM2, quantization))
  const whole = bytesOf()
  t.equal(whole, 4 * 134_515_008)
  for (const bits of [4, 8] as const) {
    const share = bytesOf({ bits, blockSize: 32 }) / whole
    t.comment(`${bits} bits: ${share.toFixed(3)}`)
    t.ok(share <= 0.45, `${bits} bits`)
  }
})
