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

t.test(
  'the largest evaluation that a spec can ask for keeps its figures and its verdict',
  async t => {
    const names = Array.from({ length: 8 }, (_, index) => `${index}${'n'.repeat(62)}`)
    const pair = { base: 1 / 3, tuned: 2 / 3 }
    const suites = Object.fromEntries(
      names.map(name => [name, { exactMatch: pair, tokenF1: pair }]),
    )
    const gates = Array.from({ length: 16 }, (_, index) => ({
      metric: `${names[index % 8]}/exactMatch`,
      rule: 'improvesOnBaseBy' as const,
      threshold: 1 / 7,
      value: 1 / 3,
      passed: index > 2,
    }))
    const text = terminationMessage({
      ...result,
      evaluation: { suites, gates, gatesPassed: false, score: 2 / 3 },
    })
    t.ok(Buffer.byteLength(text) <= 4096)
    const { evaluation } = JSON.parse(text) as StageResult
    t.equal(Object.keys(evaluation?.suites ?? {}).length, 8)
    t.equal(evaluation?.gates.filter(({ passed }) => !passed).length, 3)
  },
)

t.test('artifacts of every format fit, whatever the output is called', async t => {
  const output = `pvc://models/${'é'.repeat(2000)}`
  const artifacts = (['Adapter', 'Merged', 'ONNX', 'GGUF'] as const).map(format => ({
    uri: `${output}/run-12/${format.toLowerCase()}`,
    format,
    digest: `sha256:${'a'.repeat(64)}`,
    bytes: 123_456_789_012,
  }))
  const text = terminationMessage({ ...result, stage: 'publish', artifacts })
  t.ok(Buffer.byteLength(text) <= 4096)
  t.match(JSON.parse(text), {
    artifacts: [
      { uri: 'run-12/adapter', format: 'Adapter', bytes: 123_456_789_012 },
      { uri: 'run-12/merged' },
      { uri: 'run-12/onnx' },
      { uri: 'run-12/gguf', digest: `sha256:${'a'.repeat(64)}` },
    ],
  })
})
