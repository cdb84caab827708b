import t from 'tap'
import { resolveSpec } from '../../../../crds/defaults.ts'
import { stageSpec } from '../../../../crds/stage-spec.ts'
import { adapterBase, publicSpec } from '../../../../trainer-image/src/publish/sources.ts'

t.test('the base of an adapter is what PEFT loads, and has no secret in it', async t => {
  const commit = '12fd25f77366fa6b'
  const cases = [
    [{ uri: 'hf://owner/name' }, { baseModel: 'owner/name' }],
    [{ uri: 'hf://owner/name@v1' }, { baseModel: 'owner/name', baseRevision: 'v1' }],
    [
      { uri: 'hf://owner/name@main', revision: commit },
      { baseModel: 'owner/name', baseRevision: commit },
    ],
    [
      { uri: 'hf://owner/name/model.gguf', revision: commit },
      { baseModel: 'owner/name', baseRevision: commit },
    ],
    [
      { uri: 'https://h.example.org/m.gguf?signature=secret#part' },
      { baseModel: 'https://h.example.org/m.gguf' },
    ],
    [{ uri: 'pvc://models/llama' }, { baseModel: 'pvc://models/llama' }],
    [{ uri: 'file:///models/llama' }, { baseModel: 'file:///models/llama' }],
  ] as const
  for (const [source, base] of cases) t.strictSame(adapterBase(source), base, source.uri)
})

t.test("no signed url's secret is in what is published of a spec", async t => {
  const signed = (name: string) => ({ uri: `https://example.org/${name}?signature=secret` })
  const spec = stageSpec(
    resolveSpec({
      model: { source: signed('model.gguf') },
      dataset: {
        sources: [signed('train.jsonl')],
        validation: { sources: [signed('test.jsonl')] },
      },
      method: { lora: { startFrom: signed('adapter') } },
      output: { uri: 'pvc://models/home' },
    }),
  )
  const shown = publicSpec(spec)
  t.notMatch(JSON.stringify(shown), 'secret')
  t.equal(shown.method.lora.startFrom?.uri, 'https://example.org/adapter')
})
