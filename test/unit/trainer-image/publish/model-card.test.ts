import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { code, plain } from '../../../../trainer-image/src/publish/card/markdown.ts'
import { modelCard } from '../../../../trainer-image/src/publish/card/model-card.ts'
import { publish } from '../../../../trainer-image/src/stages/publish.ts'
import { aStageContext } from '../../../fixtures/a-stage-context.ts'
import { writeFinishedStages } from '../../../fixtures/finished-stages.ts'

const published = async (folder: string) => {
  const workspace = join(folder, 'workspace')
  const gates = [{ metric: 'held-out/exactMatch', atLeast: 0.8 }]
  const job = await writeFinishedStages(workspace, { outputUri: 'file://out', gates, steps: 20 })
  await publish(aStageContext({ workspace, job }))
  return join(folder, 'out/run-1')
}
const metadataOf = (card: string) => parse(card.split('---\n')[1] ?? '')

t.test('tells where the model is from, how it was made and how it did', async t => {
  const run = await published(t.testdir({}))
  const card = await readFile(join(run, 'adapter/README.md'), 'utf8')
  t.same(metadataOf(card), {
    base_model: 'HuggingFaceTB/SmolLM2-135M-Instruct',
    base_model_relation: 'adapter',
    library_name: 'peft',
    pipeline_tag: 'text-generation',
    tags: ['attune', 'instruction-tuning', 'lora'],
  })
  for (const part of [
    /^# home\\-assistant, run 1$/m,
    /\| held\\-out \| Exact match \| 75 \| 0\.0.% \| \*\*82\.7.%\*\* \|/,
    /`held-out\/exactMatch`: at least 0\.800, measured 0\.827: holds/,
    /AutoPeftModelForCausalLM/,
    /960 training examples, 75 held out/,
    /`https:\/\/data\.example\.org\/train\.jsonl`, sha256 `e{64}`/,
    /\| `method\.lora\.rank` \| `16` \|/,
    /\| `training\.learningRate` \| `0\.0002` \|/,
    /revision `12fd25f77366fa6b`, sha256 `d{64}`/,
    /license included/,
  ])
    t.match(card, part)
  t.notMatch(card, /undefined|NaN|\[object|signature/)
})

t.test('each format has its own way of use, and says what its scores are of', async t => {
  const run = await published(t.testdir({}))
  const provenance = JSON.parse(await readFile(join(run, 'provenance.json'), 'utf8'))
  const evaluation = { suites: {}, gates: [], gatesPassed: true, score: 0 }
  const samples = { best: [], worst: [], counts: {} }
  const facts = { provenance, evaluation, samples, dataset: undefined, training: undefined }
  const gguf = modelCard({
    ...facts,
    format: 'GGUF',
    files: ['model-q8_0.gguf'],
    storedAs: 'Q8_0',
    license: 'apache-2.0',
    languages: ['en'],
  })
  t.match(metadataOf(gguf), {
    license: 'apache-2.0',
    language: ['en'],
    base_model_relation: 'finetune',
  })
  t.match(gguf, /llama-cli -m model-q8_0\.gguf/)
  t.match(gguf, /stored as Q8_0; the scores above are those of the tuned model in float32/)
  t.match(gguf, /Nothing was measured/)
  t.match(
    modelCard({ ...facts, format: 'ONNX', files: ['genai_config.json'] }),
    /onnxruntime_genai/,
  )
  t.notMatch(modelCard({ ...facts, format: 'ONNX', files: [] }), /onnxruntime_genai/)
  t.match(modelCard({ ...facts, format: 'Merged', files: [] }), /from_pretrained\("\."\)/)
})

t.test('text from outside stays text', async t => {
  const attack =
    '</td><script>alert(1)</script> [x](http://evil) ![i](http://evil) **b** | `c`\n# h\u202e'
  const escaped = plain(attack)
  t.notMatch(escaped, /[<>\n\u202e]/)
  t.notMatch(escaped, /(?<!\\)[[\]()*`|#!]/, 'no mark without its backslash')
  t.equal(code('a`b``c|d'), '``` a`b``c\u2502d ```')
  t.equal(code('plain\ntext'), '`plain text`')
  t.equal(plain('x'.repeat(400)).length, 300)

  const run = await published(t.testdir({}))
  const provenance = JSON.parse(await readFile(join(run, 'provenance.json'), 'utf8'))
  const hostile = { ...provenance, data: [{ uri: `file://${attack}`, digest: attack }] }
  const pair = { base: 0, tuned: 1 }
  const card = modelCard({
    provenance: { ...hostile, job: { ...provenance.job, name: attack } },
    evaluation: {
      suites: { [attack]: { [attack]: pair } },
      gates: [],
      gatesPassed: true,
      score: 0,
    },
    samples: { best: [], worst: [], counts: {} },
    dataset: undefined,
    training: undefined,
    format: 'Adapter',
    files: [],
    license: `x\n${attack}\n---`,
  })
  const outside = card.slice(card.indexOf('\n---\n')).replace(/(`+) ?[^\n]*? ?\1/g, '')
  t.notMatch(outside, /<script|\]\(http:\/\/evil|^# h/m)
  t.match(metadataOf(card)['license'], /^x /)
})
