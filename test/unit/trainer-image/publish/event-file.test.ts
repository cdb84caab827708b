import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { crc32c, maskedCrc32c } from '../../../../trainer-image/src/publish/tensorboard/crc32c.ts'
import {
  eventFileName,
  writeEventFile,
} from '../../../../trainer-image/src/publish/tensorboard/event-file.ts'

t.test('the checksum is that of RFC 3720', async t => {
  t.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  t.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  t.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e)
  t.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
})

/** Records of a file, each checked against its checksums. */
const recordsOf = (file: Buffer): readonly Buffer[] => {
  const records: Buffer[] = []
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at))
    t.equal(file.readUInt32LE(at + 8), maskedCrc32c(file.subarray(at, at + 8)))
    const data = file.subarray(at + 12, at + 12 + length)
    t.equal(file.readUInt32LE(at + 12 + length), maskedCrc32c(data))
    records.push(data)
    at += 16 + length
  }
  return records
}

const LINES = [
  {
    step: 1,
    epoch: 0.5,
    loss: 2.5,
    learningRate: 0,
    gradientNorm: 1,
    tokens: 100,
    tokensPerSecond: 50,
  },
  { step: 1, epoch: 0.5, validationLoss: 2.25, validationTokenAccuracy: 0.5 },
  {
    step: 300,
    epoch: 1,
    loss: 0.5,
    learningRate: 1e-3,
    gradientNorm: 1,
    tokens: 300,
    tokensPerSecond: 50,
  },
]

t.test('steps and validations become scalars under the tags of Hugging Face', async t => {
  const folder = t.testdir({})
  const log = join(folder, 'metrics.jsonl')
  await writeFile(log, `${LINES.map(line => JSON.stringify(line)).join('\n')}\n{"step":2,"lo`)
  const path = join(folder, eventFileName(1_700_000_000.9))
  t.match(path, /events\.out\.tfevents\.1700000000\.attune$/)
  await writeEventFile(path, log, 1_700_000_000)
  const [version, first, validation, last, ...more] = recordsOf(await readFile(path))
  t.same(more, [], 'what was cut off is left out')
  t.match(version?.toString('latin1'), 'brain.Event:2')
  t.match(first?.toString('latin1'), /train\/loss.*train\/learning_rate.*train\/grad_norm/s)
  t.match(validation?.toString('latin1'), /eval\/loss.*eval\/mean_token_accuracy/s)
  t.notMatch(validation?.toString('latin1'), 'train/')
  t.equal(first?.readDoubleLE(1), 1_700_000_002, '100 tokens at 50 a second')
  t.equal(last?.readDoubleLE(1), 1_700_000_006)
  t.same([...first!.subarray(9, 11)], [0x10, 1], 'step 1')
  t.same([...last!.subarray(9, 12)], [0x10, 0xac, 0x02], 'step 300')
  const tag = Buffer.from('train/loss')
  const at = first!.indexOf(tag) + tag.length
  t.same([...first!.subarray(at, at + 1)], [0x15], 'field 2, a float')
  t.equal(first!.readFloatLE(at + 1), 2.5)
})
