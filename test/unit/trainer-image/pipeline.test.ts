import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { STAGES } from '../../../crds/stage.ts'
import { startHub } from '../../fixtures/hub/hub-server.ts'
import { runStageProcess } from '../../fixtures/stage-process.ts'
import { writeTinyJob } from '../../fixtures/tiny-job.ts'

t.test('four stages turn a model and pairs into a published adapter', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  for (const stage of STAGES) {
    const activities = new Set<string>()
    const run = await runStageProcess(stage, tiny, {
      kill: progress => void activities.add(progress.activity),
    })
    t.equal(run.exitCode, 0, stage, { stderr: run.stderr })
    t.match(run.result, {
      stage,
      outcome: 'Succeeded',
      key: /^[0-9a-f]{32}$/,
      digest: /^[0-9a-f]{64}$/,
    })
    t.ok(activities.size > 0, `${stage} tells what it does`)
  }
  const run = join(tiny.output, 'run-1')
  t.match((await readdir(run)).toSorted(), [
    'adapter',
    'digests.json',
    /^events\.out\.tfevents\./,
    'metrics.json',
    'metrics.jsonl',
    'provenance.json',
    'report.html',
  ])
  const metrics = JSON.parse(await readFile(join(run, 'metrics.json'), 'utf8')) as unknown
  t.match(metrics, {
    score: Number,
    evaluation: {
      'held-out': {
        exactMatch: { base: Number, tuned: Number },
        tokenF1: { base: Number, tuned: Number },
      },
    },
    training: {
      steps: 12,
      tokens: Number,
      tokensPerSecond: Number,
      finalLoss: Number,
      seconds: Number,
    },
  })

  t.test('finished stages are not done again', async t => {
    for (const stage of ['train', 'evaluate'] as const) {
      const again = await runStageProcess(stage, tiny)
      t.equal(again.exitCode, 0)
      t.notMatch(again.stderr, /starting/, `${stage} is taken as it is`)
    }
  })
})

t.test(
  'what is published names the base as PEFT loads it, at the commit that was trained',
  async t => {
    const folder = t.testdir({})
    const commit = 'c0ffee'.repeat(7).slice(0, 40)
    const tiny = await writeTinyJob(folder, spec => ({
      ...spec,
      model: { source: { uri: 'hf://owner/tiny@main' } },
      training: { ...spec.training, maxSteps: 1 },
    }))
    const names = await readdir(join(folder, 'model'))
    const files = await Promise.all(
      names.map(async name => [name, await readFile(join(folder, 'model', name))] as const),
    )
    const hub = await startHub([
      { type: 'model', name: 'owner/tiny', commit, files: Object.fromEntries(files) },
    ])
    t.teardown(() => hub.close())
    const { HF_ENDPOINT } = process.env
    t.teardown(() => Object.assign(process.env, HF_ENDPOINT ? { HF_ENDPOINT } : {}))
    process.env['HF_ENDPOINT'] = hub.url
    for (const stage of STAGES) {
      const { exitCode, stderr } = await runStageProcess(stage, tiny)
      t.equal(exitCode, 0, stage, { stderr })
    }
    const config = await readFile(join(tiny.output, 'run-1/adapter/adapter_config.json'), 'utf8')
    t.match(JSON.parse(config), { base_model_name_or_path: 'owner/tiny', revision: commit })
  },
)

t.test(
  'what can never work is refused with its reason and an exit code that stops retries',
  async t => {
    const tiny = await writeTinyJob(t.testdir({}), spec => ({
      ...spec,
      training: { ...spec.training, sequenceLength: 4096 },
    }))
    const run = await runStageProcess('prepare', tiny)
    t.equal(run.exitCode, 78)
    t.match(run.result, {
      outcome: 'Failed',
      reason: 'InvalidSpec',
      message: /sequenceLength.*4096.*512/,
    })
    t.notMatch(
      run.stderr.split('\n').at(-2) ?? '',
      /at .*\.ts:\d+/,
      'the last line is no stack trace',
    )
  },
)
