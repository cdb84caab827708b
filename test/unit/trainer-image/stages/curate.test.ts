import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { resolveDatasetSpec } from '../../../../crds/defaults.ts'
import type { InstructionDatasetSpec } from '../../../../crds/instruction-dataset-spec.ts'
import type { DatasetFile, JobFile } from '../../../../crds/stage.ts'
import { runCurate, runStage } from '../../../../trainer-image/src/run-stage.ts'
import { aStageContext } from '../../../fixtures/a-stage-context.ts'
import { type TinyJob, writeTinyJob } from '../../../fixtures/tiny-job.ts'

const CLAIM = 'pairs-dataset'
const claimFolder = ({ workspace }: TinyJob) => join(workspace, '..', 'claims', CLAIM)
const source = ({ workspace }: TinyJob) => join(workspace, '..', 'pairs.jsonl')

const specOf = (tiny: TinyJob, change: Partial<InstructionDatasetSpec> = {}) =>
  resolveDatasetSpec({
    sources: [{ uri: `file://${source(tiny)}` }],
    validation: { fraction: 0.2 },
    categoryColumn: 'room',
    ...change,
  })

const curate = (
  tiny: TinyJob,
  change: Partial<InstructionDatasetSpec> = {},
  keep: readonly string[] = [],
  activities = new Set<string>(),
  signal = new AbortController().signal,
) => {
  const dataset: DatasetFile = {
    apiVersion: 'attune.dev/v1alpha1',
    name: 'pairs',
    namespace: 'default',
    spec: specOf(tiny, change),
    keep,
  }
  const { job: _, ...context } = aStageContext({ ...tiny, workspace: claimFolder(tiny) })
  const report = ({ activity }: { activity: string }) => void activities.add(activity)
  return runCurate({ ...context, dataset, fileRoot: '/', report, signal })
}

/** The job as the operator gives it to Prepare once the dataset is ready. */
const withCurated = (tiny: TinyJob, key: string, contentHash: string): JobFile => ({
  ...tiny.job,
  spec: {
    ...tiny.job.spec,
    dataset: {
      ref: { name: 'pairs' },
      validation: {},
      quality: { minExamples: 1, maxDuplicateFraction: 1 },
      lossOn: 'Response',
      curated: { uri: `pvc://${CLAIM}/curate/${key}`, contentHash },
    },
  },
})

t.test('each example comes out once, on its side, with a report', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  const twice = await readFile(source(tiny), 'utf8')
  await writeFile(source(tiny), `${twice}${twice.split('\n', 1)[0]}\n`)
  const { result, exitCode } = await curate(tiny)
  t.equal(exitCode, 0)
  t.match(result, {
    stage: 'curate',
    outcome: 'Succeeded',
    digest: /^[0-9a-f]{64}$/,
    curated: {
      report: { read: 21, duplicates: 1, promptCharacters: { max: 22 }, largestSliceShare: Number },
    },
  })
  const { examples = 0, validationExamples = 0, report } = result.curated ?? {}
  t.equal(examples + validationExamples, 20)
  const slices = Object.values(report?.slices ?? {})
  t.equal(
    slices.reduce((sum, count) => sum + count, 0),
    examples,
  )
  const folder = join(claimFolder(tiny), 'curate', result.key)
  t.strictSame((await readdir(folder)).toSorted(), [
    'dataset.json',
    'report.json',
    'result.json',
    'train.jsonl',
    'validation.jsonl',
  ])
  const lines = (await readFile(join(folder, 'train.jsonl'), 'utf8')).trim().split('\n')
  t.equal(lines.length, examples)
  t.match(JSON.parse(lines[0] ?? ''), {
    prompt: [{ role: 'user', content: /^make the / }],
    completion: [{ role: 'assistant' }],
    category: String,
  })
})

t.test('a job prepares the same rows from it as from the sources', async t => {
  const prompt = { systemPrompt: 'You control a house.', lossOn: 'All' as const }
  const inline = await writeTinyJob(t.testdir({}), spec => ({
    ...spec,
    dataset: { ...spec.dataset, ...prompt },
  }))
  const direct = await runStage('prepare', aStageContext(inline))
  const { result } = await curate(inline, prompt)
  const job = withCurated(inline, result.key, result.digest ?? '')
  const shared = await runStage('prepare', aStageContext({ ...inline, job }))
  t.equal(shared.exitCode, 0)
  t.equal(shared.result.digest, direct.result.digest, 'to the bit')
  t.strictSame(shared.result.dataset, direct.result.dataset)
  t.not(shared.result.key, direct.result.key)
})

t.test('conversations keep what is prompt and what is answer', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  const turn = (role: string, content: string) => ({ role, content })
  const examples = Array.from({ length: 12 }, (_, i) => [
    {
      room: 'hall',
      messages: [
        turn('user', `a${i}`),
        turn('assistant', 'b'),
        turn('user', 'c'),
        turn('assistant', `d${i}`),
      ],
    },
    {
      room: 'hall',
      prompt: [turn('user', `e${i}`), turn('assistant', 'f'), turn('user', 'g')],
      completion: [turn('assistant', `h${i}`)],
    },
  ])
  const [messages, pairs] = [0, 1].map(side =>
    examples.map(pair => `${JSON.stringify(pair[side])}\n`).join(''),
  )
  const folder = join(tiny.workspace, '..')
  await writeFile(join(folder, 'messages.jsonl'), messages ?? '')
  await writeFile(join(folder, 'prompts.jsonl'), pairs ?? '')
  const sources = ['messages', 'prompts'].map(name => ({
    uri: `file://${join(folder, `${name}.jsonl`)}`,
  }))
  const { job } = tiny
  const { categoryColumn: _, ...dataset } = job.spec.dataset
  const direct = await runStage(
    'prepare',
    aStageContext({
      ...tiny,
      job: { ...job, spec: { ...job.spec, dataset: { ...dataset, sources } } },
    }),
  )
  const { result } = await curate(tiny, { sources })
  const shared = await runStage(
    'prepare',
    aStageContext({ ...tiny, job: withCurated(tiny, result.key, result.digest ?? '') }),
  )
  t.equal(shared.result.dataset?.responseTokens, direct.result.dataset?.responseTokens)
  t.ok(direct.result.dataset?.responseTokens)
})

t.test('the same content has one hash, wherever it comes from', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  const first = await curate(tiny)
  const copy = join(tiny.workspace, '..', 'copy.jsonl')
  await writeFile(copy, await readFile(source(tiny), 'utf8'))
  const second = await curate(tiny, { sources: [{ uri: `file://${copy}` }] })
  t.not(second.result.key, first.result.key)
  t.equal(second.result.digest, first.result.digest)
  const third = await curate(tiny, { systemPrompt: 'Be brief.' })
  t.not(third.result.digest, first.result.digest, 'what is said before them is content too')
})

t.test('nothing is read twice, and what nobody reads any more goes', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  const { result } = await curate(tiny)
  const seen = new Set<string>()
  const again = await curate(tiny, {}, [], seen)
  t.notOk(seen.has('reading examples'))
  t.equal(again.result.digest, result.digest)

  const contents = () => readdir(join(claimFolder(tiny), 'curate'))
  const next = await curate(tiny, { systemPrompt: 'a' }, [result.key])
  t.strictSame((await contents()).toSorted(), [result.key, next.result.key].toSorted())
  const last = await curate(tiny, { systemPrompt: 'b' }, [next.result.key])
  t.strictSame((await contents()).toSorted(), [next.result.key, last.result.key].toSorted())
})

t.test('an attempt that was cut off leaves nothing that stays', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  const contents = join(claimFolder(tiny), 'curate')
  await mkdir(join(contents, 'half.tmp-1-0123456789ab'), { recursive: true })
  const { result } = await curate(tiny)
  t.strictSame(await readdir(contents), [result.key])
  const stopped = await curate(tiny, { systemPrompt: 'a' }, [], new Set(), AbortSignal.abort())
  t.match(stopped, { exitCode: 75, result: { outcome: 'Stopped' } })
  t.strictSame(await readdir(contents), [result.key], 'what is ready stays')
})

t.test('a content that was replaced is not taken for the one a run started with', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  const { result } = await curate(tiny)
  const other = await runStage(
    'prepare',
    aStageContext({ ...tiny, job: withCurated(tiny, result.key, 'f'.repeat(64)) }),
  )
  t.match(other.result, { reason: 'SourceNotFound', message: /holds other content than ffff/ })
  const gone = await runStage(
    'prepare',
    aStageContext({ ...tiny, job: withCurated(tiny, 'gone', result.digest ?? '') }),
  )
  t.match(gone.result, { reason: 'SourceNotFound', message: /pvc:\/\/pairs-dataset\/curate\/gone/ })
})

t.test('what cannot be used is told, and leaves nothing', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  await mkdir(claimFolder(tiny), { recursive: true })
  for (const [change, reason, message] of [
    [{ quality: { minExamples: 100 } }, 'DatasetBelowQuality', /spec\.quality\.minExamples is 100/],
    [{ sources: [{ uri: 'file:///nowhere.jsonl' }] }, 'SourceNotFound', /nowhere\.jsonl/],
    [{ columns: { completion: 'answer' } }, 'DatasetMalformed', /line 1.*no known format/],
  ] as const) {
    const { result } = await curate(tiny, change as Partial<InstructionDatasetSpec>)
    t.match(result, { outcome: 'Failed', reason, message })
    t.strictSame(await readdir(join(claimFolder(tiny), 'curate')), [], reason)
  }
})
