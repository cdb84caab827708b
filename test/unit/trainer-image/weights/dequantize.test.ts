import t from 'tap'
import {
  BLOCKS,
  dequantize,
  ELEMENT_TYPES,
} from '../../../../trainer-image/src/weights/dequantize.ts'
import { readRecorded } from '../../../fixtures/model/smollm2.ts'

type Recorded = { cases: Record<string, { bytes: string; values: string }> }
const cases: Recorded['cases'] = {
  ...readRecorded<Recorded>('dequantize.json').cases,
  ...readRecorded<Recorded>('../parity/gguf-blocks.json').cases,
}

for (const type of ELEMENT_TYPES)
  t.test(`decodes ${type} to the bits that gguf-py gives`, async t => {
    const bytes = Buffer.from(cases[type]!.bytes, 'hex')
    const count = (bytes.length / BLOCKS[type].bytes) * BLOCKS[type].values
    // an odd start and a shifted target: neither may need alignment
    const shifted = Buffer.concat([Buffer.alloc(1), bytes]).subarray(1)
    const target = new Float32Array(count + 2)
    dequantize(type, shifted, target, 1)
    t.equal(Buffer.from(target.slice(1, -1).buffer).toString('hex'), cases[type]!.values)
    t.strictSame([target[0], target[count + 1]], [0, 0], 'writes nothing around it')
  })

t.test('refuses bytes that end within a block, and more values than there is room for', async t => {
  for (const type of ELEMENT_TYPES) {
    const { bytes, values } = BLOCKS[type]
    const target = new Float32Array(2 * values)
    for (let length = 1; length < bytes; length++)
      t.throws(() => dequantize(type, new Uint8Array(bytes + length), target), RangeError)
    t.throws(() => dequantize(type, new Uint8Array(2 * bytes), target, 1), RangeError)
  }
})
