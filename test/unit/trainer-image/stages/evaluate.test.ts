import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { InstructionTuningJobSpec } from '../../../../crds/instruction-tuning-job-spec.ts'
import { trainKey } from '../../../../crds/stage-keys.ts'
import { temporaryFor } from '../../../../trainer-image/src/atomic-file.ts'
import { adapterConfigOf } from '../../../../trainer-image/src/model/adapter-config.ts'
import { initialAdapter } from '../../../../trainer-image/src/model/lora-init.ts'
import { readModelConfig } from '../../../../trainer-image/src/model/read-config.ts'
import { writeAdapter } from '../../../../trainer-image/src/publish/peft-adapter.ts'
import { runStage } from '../../../../trainer-image/src/run-stage.ts'
import { StageStopped } from '../../../../trainer-image/src/stage-error.ts'
import { evaluate } from '../../../../trainer-image/src/stages/evaluate.ts'
import type { StageContext } from '../../../../trainer-image/src/stages/stage-context.ts'
import { aStageContext } from '../../../fixtures/a-stage-context.ts'
import { writeTinyJob } from '../../../fixtures/tiny-job.ts'

type Change = (spec: InstructionTuningJobSpec) => InstructionTuningJobSpec

/** Prepare has run; Train left an adapter whose B is not zero, so that base and tuned differ. */
const ready = async (t: Test, change?: Change) => {
  const folder = t.testdir({})
  const { job, workspace } = await writeTinyJob(folder, change)
  const context = (more: Partial<StageContext> = {}) => aStageContext({ workspace, job }, more)
  const prepared = await runStage('prepare', context())
  t.equal(prepared.result.outcome, 'Succeeded', prepared.result.message ?? '')
  const config = adapterConfigOf(job.spec.method)
  const model = await readModelConfig(join(workspace, 'prepare', prepared.result.key, 'model'))
  const key = trainKey(job.spec, prepared.result.digest ?? '')
  const train = join(workspace, 'train', key)
  await mkdir(join(train, 'adapter'), { recursive: true })
  const tensors = [...initialAdapter(model, config, 7)].map(
    ([name, { shape, data }], index) =>
      [name, { shape, data: data.map((value, i) => value + 0.2 * Math.sin(index + i)) }] as const,
  )
  await writeAdapter(join(train, 'adapter'), new Map(tensors), { config, baseModel: 'tiny' })
  const result = { stage: 'train', outcome: 'Succeeded', key, seconds: 1, digest: 'b'.repeat(64) }
  await writeFile(join(train, 'result.json'), JSON.stringify(result))
  return { context, workspace }
}

t.test('measures both models and writes what they said', async t => {
  const { context, workspace } = await ready(t)
  const { reported, ...given } = context()
  const scratch = join(workspace, 'scratch')
  await mkdir(temporaryFor(join(scratch, 'generator')), { recursive: true })
  const output = await evaluate(given)
  t.strictSame(await readdir(scratch), [], 'nor does what a killed process left stay')
  const folder = join(workspace, 'evaluate', output.key)
  t.match(output, { digest: /^[0-9a-f]{64}$/, evaluation: { gates: [], gatesPassed: true } })
  const written = JSON.parse(await readFile(join(folder, 'evaluation.json'), 'utf8'))
  t.match(written, {
    ...output.evaluation,
    generation: { 'held-out': { base: { tokensPerSecond: Number }, tuned: { answers: Number } } },
  })
  const samples = (await readFile(join(folder, 'samples.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.ok(samples.length > 0)
  for (const sample of samples)
    t.match(sample, {
      suite: 'held-out',
      id: String,
      slice: String,
      prompt: /make the/,
      reference: /^\{/,
      scores: { exactMatch: { base: Number, tuned: Number } },
    })
  t.ok(
    samples.some(sample => sample.base !== sample.tuned),
    'the adapter is used',
  )
  t.equal(reported.at(-1)?.fraction, 1)
  t.ok(reported.some(({ activity }) => /answering with the tuned model \d+\/\d+/.test(activity)))
  t.match(await given.metrics.registry.metrics(), /attune_evaluation_score\{suite="held-out"/)
  t.same(await readdir(join(workspace, 'scratch')), [], 'scratch space is given back')

  t.test('the same again', async t => {
    t.equal((await evaluate(context())).digest, output.digest)
  })
})

t.test('scores stand in the registry while answers come', async t => {
  const { context } = await ready(t)
  type Scores = ReturnType<StageContext['metrics']['evaluationScore']['get']>
  const seen: { readonly activity: string; readonly scores: Scores }[] = []
  const given = context({
    report: ({ activity }) =>
      void seen.push({ activity, scores: given.metrics.evaluationScore.get() }),
  })
  const { evaluation } = await evaluate(given)
  const pairsOf = async (scores: Scores | undefined) => {
    const values = (await scores)?.values ?? []
    const pairs: Record<string, Record<string, number>> = {}
    for (const { labels, value } of values) {
      t.equal(labels.suite, 'held-out')
      const metric = String(labels.metric)
      pairs[metric] = { ...pairs[metric], [String(labels.model)]: value }
    }
    return pairs
  }
  const at = (activity: RegExp) =>
    pairsOf(seen.find(report => activity.test(report.activity))?.scores)
  const final = evaluation?.suites['held-out'] ?? {}
  t.match(final, { exactMatch: { base: Number }, tokenF1: { base: Number } })
  t.strictSame(await at(/answering with the base model 0\//), {}, 'none before an answer')
  const begun = await at(/answering with the tuned model 0\//)
  t.strictSame(begun['exactMatch'], { base: final['exactMatch']?.base }, 'all base answers')
  t.strictSame(Object.keys(begun['tokenF1'] ?? {}), ['base'])
  const within = await at(/answering with the tuned model [1-9]/)
  for (const metric of Object.keys(final))
    t.match(within[metric], { base: Number, tuned: Number }, metric)
  t.strictSame(await pairsOf(given.metrics.evaluationScore.get()), final)
})

t.test('stops when told to, and goes on later', async t => {
  const { context } = await ready(t)
  const controller = new AbortController()
  const stopped = context({
    signal: controller.signal,
    report: ({ activity }) => {
      if (activity.includes('tuned')) controller.abort()
    },
  })
  await t.rejects(evaluate(stopped), StageStopped)
  const again = context()
  await evaluate(again)
  t.notOk(
    again.reported.some(({ activity }) => /base model [1-9]/.test(activity)),
    'what the base model said is not asked again',
  )
})

t.test('a gate that does not hold is a result, not a failure', async t => {
  const { context } = await ready(t, spec => ({
    ...spec,
    evaluation: {
      ...spec.evaluation,
      gates: [{ metric: 'held-out/exactMatch', atLeast: 0.99 }],
    },
  }))
  const { evaluation } = await evaluate(context())
  t.match(evaluation, { gatesPassed: false, gates: [{ passed: false, threshold: 0.99 }] })
})
