import t from 'tap'
import { resolveSpec } from '../../../../crds/defaults.ts'
import { stageSpec } from '../../../../crds/stage-spec.ts'
import { otherSources } from '../../../../cli/src/reproduce/differences.ts'
import { pinnedSpec } from '../../../../cli/src/reproduce/pinned-spec.ts'

const COMMIT = 'c0ffee'.repeat(7).slice(0, 40)
const spec = stageSpec(
  resolveSpec({
    model: { source: { uri: 'hf://owner/model@main/weights.gguf' } },
    dataset: {
      sources: [{ uri: 'file://train.jsonl' }, { uri: 'hf://datasets/owner/data/train.jsonl' }],
      validation: { sources: [{ uri: 'hf://datasets/owner/data@main/test.jsonl' }] },
    },
    method: { lora: { startFrom: { uri: 'hf://owner/adapter' } } },
    output: { uri: 'pvc://models/home', formats: ['Merged'] },
  }),
)
const recorded = {
  job: { name: 'home', namespace: 'a', run: 1 },
  spec,
  baseModel: { uri: 'hf://owner/model@main/weights.gguf', revision: COMMIT, digest: 'a' },
  startAdapter: { uri: 'hf://owner/adapter', revision: COMMIT, digest: 'b' },
  data: [
    { uri: 'file://train.jsonl', digest: 'c' },
    { uri: 'hf://datasets/owner/data/train.jsonl', revision: COMMIT, digest: 'd' },
    { uri: 'hf://datasets/owner/data@main/test.jsonl', revision: 'not a commit', digest: 'e' },
  ],
  versions: { trainer: '1', onnxruntime: '1', node: '1' },
  machine: { platform: 'linux', arch: 'x64', cpu: 'x' },
  trained: 'f',
}

t.test('what a hub held is read at the commit that was read, and nothing is published', async t => {
  const pinned = pinnedSpec(recorded)
  t.equal(pinned.model.source.uri, `hf://owner/model@${COMMIT}/weights.gguf`)
  t.equal(pinned.method.lora.startFrom?.uri, `hf://owner/adapter@${COMMIT}`)
  t.strictSame(
    pinned.dataset.sources?.map(({ uri }) => uri),
    ['file://train.jsonl', `hf://datasets/owner/data@${COMMIT}/train.jsonl`],
  )
  t.equal(pinned.dataset.validation.sources?.[0]?.uri, 'hf://datasets/owner/data@main/test.jsonl')
  t.strictSame(pinned.output, { uri: 'file://.', publish: false })
  t.strictSame(pinned.training, spec.training)
})

t.test('every source of other content is named', async t => {
  t.strictSame(otherSources(recorded, recorded), [])
  const { startAdapter: _, ...without } = recorded
  const [train, ...others] = recorded.data
  const found = { ...without, data: [{ ...train!, digest: 'x' }, ...others] }
  t.strictSame(otherSources(recorded, found), [
    'adapter hf://owner/adapter was sha256 b, now it is not there',
    'data file://train.jsonl was sha256 c, now it is x',
  ])
  const unknown = { ...recorded, baseModel: { uri: 'file://model' } }
  t.match(otherSources(unknown, recorded), [/model file:\/\/model was of no noted content/])
})
