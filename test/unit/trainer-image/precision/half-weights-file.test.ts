import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import {
  layOut,
  storedBytes,
  storeWeights,
} from '../../../../trainer-image/src/session/weights-file.ts'
import { encode } from '../../../../trainer-image/src/weights/encode.ts'
import { configOf, runNamed, weightsOf } from '../../../fixtures/parity/recorded-run.ts'

const run = runNamed('untied')
const [config, weights] = [configOf(run), weightsOf(run)]

t.test("the linear layers' weights are stored as halves, once, the others in float32", async t => {
  for (const [half, stored] of [
    ['float16', 'F16'],
    ['bfloat16', 'BF16'],
  ] as const) {
    const folder = t.testdir({})
    const laid = await storeWeights({ folder, config, weights, half })
    const file = await readFile(join(folder, 'weights.bin'))
    for (const { name, external, half: type } of laid) {
      const isLinear = name.endsWith('_proj.weight')
      t.equal(type, isLinear ? half : undefined, name)
      const there = file.subarray(external.offset, external.offset + external.bytes)
      const wanted = encode(isLinear ? stored : 'F32', await weights.read(name))
      t.ok(there.equals(wanted), `${name} is ${isLinear ? stored : 'F32'}`)
    }
    const whole = storedBytes(layOut(config, undefined))
    const linear = laid.filter(({ half: type }) => type).reduce((n, w) => n + w.external.bytes, 0)
    t.equal(storedBytes(laid), whole - linear)
  }
})

t.test('what is kept in few bits stays so', async t => {
  const few = { bits: 4, blockSize: 16 } as const
  t.same(layOut(config, few, 'bfloat16'), layOut(config, few))
})
