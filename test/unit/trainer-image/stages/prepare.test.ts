import { writeFileSync } from 'node:fs'
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { InstructionTuningJobSpec } from '../../../../crds/instruction-tuning-job-spec.ts'
import type { Progress } from '../../../../crds/stage.ts'
import { prepareKey } from '../../../../crds/stage-keys.ts'
import { openPrepared } from '../../../../trainer-image/src/data/open-prepared.ts'
import { runStage } from '../../../../trainer-image/src/run-stage.ts'
import { prepare } from '../../../../trainer-image/src/stages/prepare.ts'
import { aStageContext } from '../../../fixtures/a-stage-context.ts'
import { type TinyJob, writeTinyJob } from '../../../fixtures/tiny-job.ts'

type Change = (spec: InstructionTuningJobSpec) => InstructionTuningJobSpec

const dataFile = (tiny: TinyJob) => join(tiny.workspace, '..', 'pairs.jsonl')
const keys = (tiny: TinyJob) => readdir(join(tiny.workspace, 'prepare')).catch(() => [])

t.test('model, dataset, report and plan come out', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  const seen: Omit<Progress, 'stage'>[] = []
  const output = await prepare(aStageContext(tiny, { report: progress => seen.push(progress) }))
  t.match(output, {
    key: /^[0-9a-f]{32}$/,
    digest: /^[0-9a-f]{64}$/,
    dataset: { duplicates: 0, dropped: 0 },
    plan: { totalSteps: 12, fits: true, recompute: false, microBatchSize: 4 },
  })
  const { trainExamples = 0, validationExamples = 0 } = output.dataset ?? {}
  t.equal(trainExamples + validationExamples, 20)
  const folder = join(tiny.workspace, 'prepare', output.key)
  t.same((await readdir(folder)).toSorted(), ['dataset', 'model', 'report.json', 'sources.json'])
  const { examples, train } = await openPrepared(join(folder, 'dataset'))
  t.equal(examples.length, validationExamples)
  t.equal(train.count, trainExamples)
  const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'))
  t.match(report.samples[0].spans, [
    { learned: false, text: /^<\|im_start\|>user\nmake the .*assistant\n$/s },
    { learned: true, text: /^\{"\w+":"\w+"\}<\|im_end\|>$/ },
  ])
  t.ok(seen.some(({ activity }) => activity === 'packing'))
  const fractions = seen.map(({ fraction }) => fraction)
  t.same(
    fractions,
    fractions.toSorted((a, b) => a - b),
    'progress never goes back',
  )
  t.equal(fractions.at(-1), 1)
})

t.test('a finished stage is taken as it is until a local file changes', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  const activities = async () => {
    const seen = new Set<string>()
    const context = aStageContext(tiny, { report: ({ activity }) => void seen.add(activity) })
    return { run: await runStage('prepare', context), seen }
  }
  const first = await activities()
  t.ok(first.seen.has('tokenizing data'))
  const second = await activities()
  t.notOk(second.seen.has('tokenizing data'))
  t.equal(second.run.result.digest, first.run.result.digest)
  t.same(second.run.result.dataset, first.run.result.dataset)

  const text = await readFile(dataFile(tiny), 'utf8')
  await writeFile(dataFile(tiny), `${text}{"prompt":"make tea","completion":"tea"}\n`)
  const third = await activities()
  t.ok(third.seen.has('tokenizing data'))
  t.not(third.run.result.digest, first.run.result.digest)

  const folder = join(tiny.workspace, 'prepare', third.run.result.key)
  await truncate(join(folder, 'dataset', 'train.rows'), 50)
  const fourth = await activities()
  t.ok(fourth.seen.has('tokenizing data'), 'a damaged dataset is prepared again')
  t.equal(fourth.run.result.digest, third.run.result.digest)
})

t.test('the plan follows the spec though the data is taken as it is', async t => {
  const folder = t.testdir({})
  const { run } = { run: await runStage('prepare', aStageContext(await writeTinyJob(folder))) }
  const changed = await writeTinyJob(folder, spec => ({
    ...spec,
    training: { ...spec.training, maxSteps: 40 },
  }))
  const again = await runStage('prepare', aStageContext(changed))
  t.equal(again.result.key, run.result.key)
  t.match([run.result.plan?.totalSteps, again.result.plan?.totalSteps], [12, 40])
})

t.test('what cannot work is told by reason, and nothing stays behind', async t => {
  const length: Change = spec => ({ ...spec, training: { ...spec.training, sequenceLength: 4096 } })
  const quality: Change = spec => ({
    ...spec,
    dataset: { ...spec.dataset, quality: { minExamples: 100 } },
  })
  const none = (spec: InstructionTuningJobSpec) => spec
  const lines = (text: string) => (tiny: TinyJob) => writeFile(dataFile(tiny), text)
  const broken = Array.from({ length: 20 }, (_, index) =>
    index === 16 ? '{"prompt": "x" "completion": "y"}' : `{"prompt":"${index}","completion":"y"}`,
  ).join('\n')
  const cases: Record<string, [Change, (tiny: TinyJob) => Promise<void>, number, object]> = {
    'a broken line 17': [
      none,
      lines(broken),
      65,
      {
        reason: 'DatasetMalformed',
        message: /pairs\.jsonl line 17: not JSON: \{"prompt": "x" "co/,
      },
    ],
    'an empty dataset': [
      none,
      lines('\n\n'),
      65,
      { reason: 'DatasetMalformed', message: /pairs\.jsonl: no examples/ },
    ],
    'a missing file': [
      spec => ({
        ...spec,
        dataset: { ...spec.dataset, sources: [{ uri: 'file://nowhere.jsonl' }] },
      }),
      async () => {},
      66,
      {
        reason: 'SourceNotFound',
        message: /^file:.*\/nowhere\.jsonl does not exist: there is no nowhere\.jsonl in \/.*;/,
      },
    ],
    'a sequence length over the model': [
      length,
      async () => {},
      78,
      { reason: 'InvalidSpec', message: /training\.sequenceLength is 4096, the model has 512/ },
    ],
    'too few examples': [
      quality,
      async () => {},
      65,
      { reason: 'DatasetBelowQuality', message: /training examples, .*minExamples is 100/ },
    ],
    'a system turn that the template refuses': [
      spec => ({
        ...spec,
        dataset: {
          ...spec.dataset,
          systemPrompt: 'x',
          chatTemplate:
            "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system turn') }}{% endif %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' }}{% endfor %}",
        },
      }),
      async () => {},
      65,
      { reason: 'DatasetMalformed', message: /pairs\.jsonl line 1: .*no system turn/ },
    ],
  }
  for (const [sentence, [change, harm, code, result]] of Object.entries(cases)) {
    t.test(sentence, async t => {
      const tiny = await writeTinyJob(t.testdir({}), change)
      await harm(tiny)
      const run = await runStage('prepare', aStageContext(tiny))
      t.equal(run.exitCode, code)
      t.match(run.result, { outcome: 'Failed', ...result })
      t.same(await keys(tiny), [])
    })
  }
})

t.test('a change for the worse removes what was prepared before', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  await runStage('prepare', aStageContext(tiny))
  await writeFile(dataFile(tiny), '{"prompt":1}\n')
  t.equal((await runStage('prepare', aStageContext(tiny))).exitCode, 65)
  t.same(await keys(tiny), [])
})

t.test('what an attempt that was cut off has left is removed', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  const folder = join(tiny.workspace, 'prepare', prepareKey(tiny.job.spec))
  for (const name of ['dataset', 'scratch'])
    await mkdir(join(folder, `${name}.tmp-1-0123456789ab`), { recursive: true })
  await prepare(aStageContext(tiny))
  t.same((await readdir(folder)).toSorted(), ['dataset', 'model', 'report.json', 'sources.json'])
})

t.test('what another pod has finished meanwhile stays', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  const { result } = await runStage('prepare', aStageContext(tiny))
  const folder = join(tiny.workspace, 'prepare', result.key)
  const before = (await readdir(folder)).toSorted()
  const finished = await readFile(join(folder, 'result.json'))
  await writeFile(join(folder, 'result.json'), '{}')
  const report = ({ activity }: { readonly activity: string }) => {
    if (activity !== 'packing') return
    writeFileSync(join(folder, 'result.json'), finished)
    throw new Error('the node is gone')
  }
  await t.rejects(prepare(aStageContext(tiny, { report })), { message: 'the node is gone' })
  t.same((await readdir(folder)).toSorted(), before)
  t.equal((await runStage('prepare', aStageContext(tiny))).result.digest, result.digest)
})

t.test('a stop ends it with the exit code of a stop', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  const controller = new AbortController()
  const run = await runStage(
    'prepare',
    aStageContext(tiny, {
      signal: controller.signal,
      report: ({ activity }) => activity === 'packing' && controller.abort(),
    }),
  )
  t.match(run, { exitCode: 75, result: { outcome: 'Stopped' } })
  t.same(await readdir(join(tiny.workspace, 'prepare', run.result.key)), ['model'])
  t.equal((await runStage('prepare', aStageContext(tiny))).exitCode, 0)
})

t.test(
  'a format that the model cannot be written in is told before anything is trained',
  async t => {
    const tiny = await writeTinyJob(t.testdir({}), spec => ({
      ...spec,
      output: { ...spec.output, formats: ['Merged', 'GGUF'] },
    }))
    const path = join(tiny.workspace, '..', 'model/tokenizer.json')
    const tokenizer = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ ...tokenizer, pre_tokenizer: { type: 'Whitespace' } }))
    await t.rejects(prepare(aStageContext(tiny)), {
      reason: 'InvalidSpec',
      message: /output\.formats: GGUF cannot be written of this model: tokenizer\.json cuts text/,
    })
    const formats = ['Merged' as const]
    const { output } = tiny.job.spec
    const other = { ...tiny.job, spec: { ...tiny.job.spec, output: { ...output, formats } } }
    t.match(await prepare(aStageContext({ ...tiny, job: other })), { digest: /^[0-9a-f]{64}$/ })
  },
)

t.test('a chat template of the job is kept for what is published', async t => {
  const chatTemplate =
    "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}<|im_end|>{% endfor %}"
  const tiny = await writeTinyJob(t.testdir({}), spec => ({
    ...spec,
    dataset: { ...spec.dataset, chatTemplate },
  }))
  const { key } = await prepare(aStageContext(tiny))
  const kept = join(tiny.workspace, 'prepare', key, 'chat_template.jinja')
  t.equal(await readFile(kept, 'utf8'), chatTemplate)
})
