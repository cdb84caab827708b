import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { STAGES, type Stage } from '../../../crds/stage.ts'
import type { InstructionTuningJobSpec } from '../../../crds/instruction-tuning-job-spec.ts'
import { openWeights } from '../../../trainer-image/src/weights/open-weights.ts'
import { runStageProcess, type StageRun } from '../../fixtures/stage-process.ts'
import { type TinyJob, writeTinyJob } from '../../fixtures/tiny-job.ts'

type Method = NonNullable<InstructionTuningJobSpec['method']>

const jobWith = (t: Test, method: Method, training: object = {}): Promise<TinyJob> =>
  writeTinyJob(t.testdir({}), spec => ({
    ...spec,
    method,
    training: { ...spec.training, ...training },
  }))

const runAll = async (t: Test, tiny: TinyJob, stages: readonly Stage[]) => {
  const runs = new Map<Stage, StageRun>()
  for (const stage of stages) {
    const run = await runStageProcess(stage, tiny)
    t.equal(run.exitCode, 0, stage, { stderr: run.stderr })
    runs.set(stage, run)
  }
  return runs
}

const lossesOf = async (tiny: TinyJob, run: StageRun) => {
  const path = join(tiny.workspace, 'train', run.result?.key ?? '', 'metrics.jsonl')
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  return lines.flatMap(line => (JSON.parse(line) as { loss?: number }).loss ?? [])
}

t.test('all weights are trained, evaluated, and published as a model', async t => {
  const tiny = await jobWith(t, { type: 'Full' }, { learningRate: 0.003 })
  const runs = await runAll(t, tiny, STAGES)
  const losses = await lossesOf(tiny, runs.get('train')!)
  t.ok(losses.at(-1)! < losses[0]!, `the loss falls: ${losses}`)
  const plan = runs.get('prepare')?.result?.plan
  t.equal(plan?.trainableParameters, plan?.modelParameters)
  const merged = await openWeights(join(tiny.output, 'run-1', 'merged'))
  t.teardown(() => merged.close())
  const base = await openWeights(join(tiny.workspace, '..', 'model'))
  t.teardown(() => base.close())
  for (const name of merged.names) {
    const [a, b] = [await merged.read(name), await base.read(name)]
    t.ok(
      a.some((value, i) => value !== b[i]),
      `${name} was trained`,
    )
  }
})

t.test('an adapter of every kind is trained, and another goes on from it', async t => {
  const lora = {
    rank: 4,
    alpha: 8,
    variant: 'DoRA' as const,
    targetModules: ['layers.{0-1}.self_attn.*', 'down_proj'],
    modulesToSave: ['embed_tokens'],
    dropout: 0.1,
    bLearningRateRatio: 2,
  }
  const first = await jobWith(t, { lora })
  const runs = await runAll(t, first, STAGES)
  const losses = await lossesOf(first, runs.get('train')!)
  t.ok(losses.at(-1)! < losses[0]!, `the loss falls: ${losses}`)
  const adapter = join(first.output, 'run-1', 'adapter')
  t.match(JSON.parse(await readFile(join(adapter, 'adapter_config.json'), 'utf8')), {
    use_dora: true,
    lora_dropout: 0.1,
  })

  t.test('from the loss at which it ended', async t => {
    const second = await jobWith(t, { lora: { ...lora, startFrom: { uri: `file://${adapter}` } } })
    const further = await runAll(t, second, ['prepare', 'train'])
    const [start] = await lossesOf(second, further.get('train')!)
    t.ok(start! < (losses[0]! + losses.at(-1)!) / 2, `${start} is near ${losses.at(-1)}`)
  })

  t.test('not with another rank', async t => {
    const second = await jobWith(t, {
      lora: { ...lora, rank: 2, startFrom: { uri: `file://${adapter}` } },
    })
    const { result } = await runStageProcess('prepare', second)
    t.match(result, {
      outcome: 'Failed',
      reason: 'InvalidSpec',
      message: /startFrom: method\.lora\.rank is 2, and the adapter has 4/,
    })
  })
})

t.test('a folder that holds no adapter is no place to go on from', async t => {
  const tiny = await jobWith(t, { lora: { startFrom: { uri: `file://${t.testdirName}/model` } } })
  const { result } = await runStageProcess('prepare', tiny)
  t.match(result, {
    outcome: 'Failed',
    reason: 'SourceNotFound',
    message: /has no adapter_config\.json/,
  })
})

t.test('what is killed ends at the bytes of what was left alone', async t => {
  const methods: Readonly<Record<string, [Method, folder: string]>> = {
    'all weights': [{ type: 'Full' }, 'model'],
    dropout: [{ lora: { rank: 4, alpha: 8, dropout: 0.3 } }, 'adapter'],
  }
  for (const [name, [method, folder]] of Object.entries(methods))
    t.test(name, async t => {
      const bytesOf = async (tiny: TinyJob, run: StageRun) => {
        const path = join(tiny.workspace, 'train', run.result?.key ?? '', folder)
        const names = (await readdir(path)).filter(file => file.endsWith('.safetensors'))
        return readFile(join(path, names[0]!))
      }
      const whole = await jobWith(t, method, { learningRate: 0.003 })
      await runAll(t, whole, ['prepare'])
      const reference = await runStageProcess('train', whole)
      const killed = await writeTinyJob(join(t.testdirName, 'killed'), spec => ({
        ...spec,
        method,
        training: { ...spec.training, learningRate: 0.003 },
      }))
      await runAll(t, killed, ['prepare'])
      await runStageProcess('train', killed, {
        kill: progress => ((progress.training?.step ?? 0) >= 5 ? 'SIGKILL' : undefined),
      })
      const resumed = await runStageProcess('train', killed)
      t.match(resumed.stderr, /resumed from a checkpoint/)
      t.ok((await bytesOf(killed, resumed)).equals(await bytesOf(whole, reference)))
    })
})
