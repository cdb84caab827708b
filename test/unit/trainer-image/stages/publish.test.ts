import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseHTML } from 'linkedom'
import t from 'tap'
import { publish } from '../../../../trainer-image/src/stages/publish.ts'
import { aStageContext } from '../../../fixtures/a-stage-context.ts'
import { type FinishedOptions, writeFinishedStages } from '../../../fixtures/finished-stages.ts'

const GATES = [{ metric: 'held-out/exactMatch', atLeast: 0.8 }]

const prepare = async (folder: string, change: Partial<FinishedOptions> = {}) => {
  const options = { outputUri: 'file://out', gates: GATES, steps: 20, ...change }
  const workspace = join(folder, 'workspace')
  const job = await writeFinishedStages(workspace, options)
  const context = aStageContext({ workspace, job })
  return { job, context, out: join(folder, 'out') }
}
const readJson = async (path: string) => JSON.parse(await readFile(path, 'utf8'))

t.test('writes a run whole, with digests that fit', async t => {
  const { context, out } = await prepare(t.testdir())
  const output = await publish(context)
  const run = join(out, 'run-1')
  t.same(await readdir(out), ['run-1'], 'nothing beside it is left')
  const digests = await readJson(join(run, 'digests.json'))
  t.same(Object.keys(digests), [
    'adapter/README.md',
    'adapter/adapter_config.json',
    'adapter/adapter_model.safetensors',
    Object.keys(digests).find(name => /^events\.out\.tfevents\.\d+\.attune$/.test(name)),
    'metrics.json',
    'metrics.jsonl',
    'provenance.json',
    'report.html',
  ])
  for (const [path, { sha256, bytes }] of Object.entries<{ sha256: string; bytes: number }>(
    digests,
  )) {
    const content = await readFile(join(run, path))
    t.equal(createHash('sha256').update(content).digest('hex'), sha256, path)
    t.equal(content.length, bytes, path)
  }
  t.match(output, {
    digest: /^[0-9a-f]{64}$/,
    artifacts: [
      {
        uri: 'file://out/run-1/adapter',
        format: 'Adapter',
        digest: `sha256:${digests['adapter/adapter_model.safetensors'].sha256}`,
        bytes: 7,
      },
    ],
  })
  t.match(await readJson(join(run, 'metrics.json')), {
    evaluation: { 'held-out': { exactMatch: { base: 0, tuned: 62 / 75 } } },
    score: 62 / 75,
    training: { steps: 20, tokens: 40960, tokensPerSecond: 638.4, finalLoss: 0.0912 },
  })
  t.match(await readJson(join(run, 'provenance.json')), {
    job: { name: 'home-assistant', namespace: 'team-a', run: 1 },
    key: output.key,
    stages: { train: { digest: 'b'.repeat(64) } },
    baseModel: { uri: /SmolLM2/, revision: '12fd25f77366fa6b', digest: 'd'.repeat(64) },
    data: [
      { uri: 'https://data.example.org/train.jsonl', digest: 'e'.repeat(64) },
      { uri: 'file://validation.jsonl', digest: 'f'.repeat(64) },
    ],
    versions: { onnxruntime: /^\d+\.\d+/, trainer: /^\d+\.\d+/ },
    seeds: { training: 42 },
  })
  t.equal(context.reported.at(-1)?.fraction, 1)
})

t.test('of a training that kept its best the step is told', async t => {
  const training = { bestStep: 12, stoppedEarly: true }
  const { context, out } = await prepare(t.testdir(), { training })
  await publish(context)
  const metrics = await readJson(join(out, 'run-1', 'metrics.json'))
  t.match(metrics, { training: { steps: 20, ...training } })
  const report = await readFile(join(out, 'run-1', 'report.html'), 'utf8')
  t.match(report, 'stopped early')
  t.match(report, /Best step<\/dt><dd>12</)
  t.match(report, 'dashed: step 12, the best')
})

t.test("a signed url's secret is not published", async t => {
  const { context, out } = await prepare(t.testdir())
  await publish(context)
  for (const name of ['provenance.json', 'report.html', 'metrics.json'])
    t.notMatch(await readFile(join(out, 'run-1', name), 'utf8'), 'signature', name)
})

t.test('the same run is not written twice', async t => {
  const { context, out } = await prepare(t.testdir())
  const first = await publish(context)
  const before = await readFile(join(out, 'run-1/provenance.json'), 'utf8')
  t.same(await publish(context), first)
  t.equal(await readFile(join(out, 'run-1/provenance.json'), 'utf8'), before)

  t.test('unless it was damaged', async t => {
    await writeFile(join(out, 'run-1/adapter/adapter_model.safetensors'), 'broken')
    await publish(context)
    t.equal(await readFile(join(out, 'run-1/adapter/adapter_model.safetensors'), 'utf8'), 'tensors')
    t.same(await readdir(out), ['run-1'])
  })
})

t.test('other runs and other jobs are left alone', async t => {
  const folder = t.testdir()
  const { context, out } = await prepare(folder)
  await publish(context)
  const second = await prepare(folder, { run: 2 })
  await publish(second.context)
  t.same((await readdir(out)).sort(), ['run-1', 'run-2'])

  const other = await prepare(folder, { name: 'other' })
  await t.rejects(publish(other.context), {
    reason: 'PublishFailed',
    message: /run-1 is already there and belongs to job team-a\/home-assistant/,
  })
  await rm(join(out, 'run-2'), { recursive: true })
  await mkdir(join(out, 'run-2'))
  await t.rejects(publish(second.context), {
    message: /run-2 is already there and is not this job's/,
  })
})

t.test('nothing is published while a gate does not hold', async t => {
  const gates = [{ metric: 'held-out/exactMatch', atLeast: 0.9 }]
  const { context } = await prepare(t.testdir(), { gates })
  await t.rejects(publish(context), {
    reason: 'GatesNotPassed',
    message: /held-out\/exactMatch atLeast 0.9 \(measured 0.8267\)/,
  })
})

t.test('an output that cannot be written names itself, the error, and what to do', async t => {
  const folder = t.testdir({ out: 'a file' })
  const { context } = await prepare(folder)
  await t.rejects(publish(context), {
    reason: 'PublishFailed',
    exitCode: 1,
    message: /output.uri file:\/\/out: cannot be written \(EEXIST\); .*choose another folder/,
  })
})

t.test('the report', async t => {
  const attack = `</p><script>alert(1)</script><img src="https://example.org/x">`
  const { context, out } = await prepare(t.testdir(), { text: attack })
  await publish(context)
  const report = await readFile(join(out, 'run-1/report.html'), 'utf8')
  const { document } = parseHTML(report)

  t.test('needs nothing but itself', async t => {
    t.equal(document.querySelectorAll('script, img, link, iframe, object, embed').length, 0)
    t.equal(document.querySelectorAll('[src], [href], [onload], [onerror]').length, 0)
    t.notMatch(document.querySelector('style')?.textContent, /url\(|@import/)
    t.match(
      document.querySelector('meta[http-equiv]')?.getAttribute('content'),
      /default-src 'none'/,
    )
  })
  t.test("shows the data's text as text", async t => {
    const texts = [...document.querySelectorAll('.text')].map(node => node.textContent)
    t.ok(texts.filter(text => text.includes(attack)).length >= 20)
  })
  t.test('tells the verdict, the figures, the slices and the curves', async t => {
    t.match(document.querySelector('title')?.textContent, 'home-assistant, run 1')
    t.match(document.querySelector('.verdict')?.textContent, 'The gate holds')
    t.match(document.querySelector('.lead')?.textContent, /82\.7.%.*75 held-out.*0\.0.%/)
    const text = document.querySelector('main')?.textContent ?? ''
    for (const part of ['lights', 'heating', 'Token F1', 'hf://HuggingFaceTB', '638 tokens'])
      t.match(text, part)
    t.equal(document.querySelectorAll('svg').length, 4)
    t.ok(document.querySelectorAll('svg path').length > 4)
    t.notMatch(report, /NaN|undefined|\[object/)
  })
})
