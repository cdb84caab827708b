import t from 'tap'
import type { StageResult } from '../../../crds/stage.ts'
import { terminationMessage } from '../../../trainer-image/src/termination-message.ts'

const result: StageResult = {
  stage: 'evaluate',
  outcome: 'Succeeded',
  key: 'k',
  digest: 'd',
  seconds: 1,
}
const slices = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `a slice with a long name ${index}`,
      { base: 0.1, tuned: 0.9 },
    ]),
  )
const evaluation = {
  suites: { 'held-out': { exactMatch: { base: 0, tuned: 1 } } },
  gates: [],
  gatesPassed: true,
  score: 1,
}

t.test('what fits is left whole', async t => {
  t.strictSame(JSON.parse(terminationMessage({ ...result, evaluation })), { ...result, evaluation })
})

t.test('slices go first, figures stay', async t => {
  const large = {
    ...result,
    evaluation: { ...evaluation, slices: { 'held-out': { exactMatch: slices(200) } } },
  }
  const text = terminationMessage(large)
  t.ok(Buffer.byteLength(text) <= 4096)
  t.strictSame(JSON.parse(text), { ...result, evaluation })
})

t.test('the outcome survives anything', async t => {
  const text = terminationMessage({
    ...result,
    outcome: 'Failed',
    reason: 'DatasetMalformed',
    message: 'é'.repeat(9000),
  })
  t.ok(Buffer.byteLength(text) <= 4096)
  t.match(JSON.parse(text), { outcome: 'Failed', reason: 'DatasetMalformed', key: 'k' })
})
