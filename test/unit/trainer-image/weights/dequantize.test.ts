import t from 'tap'
import {
  BLOCKS,
  dequantize,
  ELEMENT_TYPES,
  type ElementType,
} from '../../../../trainer-image/src/weights/dequantize.ts'
import { readRecorded } from '../../../fixtures/model/smollm2.ts'

type Recorded = { cases: Record<ElementType, { bytes: string; values: string }> }
const { cases } = readRecorded<Recorded>('dequantize.json')

for (const type of ELEMENT_TYPES)
  t.test(`decodes ${type} to the bits that gguf-py gives`, async t => {
    const bytes = Buffer.from(cases[type].bytes, 'hex')
    const count = (bytes.length / BLOCKS[type].bytes) * BLOCKS[type].values
    // an odd start and a shifted target: neither may need alignment
    const shifted = Buffer.concat([Buffer.alloc(1), bytes]).subarray(1)
    const target = new Float32Array(count + 2)
    dequantize(type, shifted, target, 1)
    t.equal(Buffer.from(target.slice(1, -1).buffer).toString('hex'), cases[type].values)
    t.strictSame([target[0], target[count + 1]], [0, 0], 'writes nothing around it')
  })
