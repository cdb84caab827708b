/** Stage Train with early stopping, as a whole: a tiny model that soon learns its few examples by heart. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { InstructionTuningJobSpec } from '../../../../crds/instruction-tuning-job-spec.ts'
import { runStage, type StageRun } from '../../../../trainer-image/src/run-stage.ts'
import type { StageContext } from '../../../../trainer-image/src/stages/stage-context.ts'
import { aStageContext } from '../../../fixtures/a-stage-context.ts'
import { writeTinyJob } from '../../../fixtures/tiny-job.ts'

type Training = InstructionTuningJobSpec['training']

const open = async (t: Test, folder: string, change: Training) => {
  const { job, workspace } = await writeTinyJob(folder, spec => ({
    ...spec,
    training: {
      ...spec.training,
      maxSteps: 30,
      batchSize: 16,
      learningRate: 0.05,
      schedule: { type: 'Constant', warmupFraction: 0 },
      ...change,
    },
    evaluation: { ...spec.evaluation, everySteps: 1 },
  }))
  const run = (stage: 'prepare' | 'train', more: Partial<StageContext> = {}) =>
    runStage(stage, aStageContext({ workspace, job }, more))
  const { result } = await run('prepare')
  t.equal(result.outcome, 'Succeeded', result.message ?? '')
  const adapter = ({ result: { key } }: StageRun) =>
    readFile(join(workspace, 'train', key, 'adapter', 'adapter_model.safetensors'))
  return { run, adapter, workspace }
}

/** Ends once a step is reported. */
const stoppingAfter = (step: number): Partial<StageContext> => {
  const controller = new AbortController()
  return {
    signal: controller.signal,
    report: ({ training }) => void (training?.step === step && controller.abort()),
  }
}

const validations = async (workspace: string, { result: { key } }: StageRun) =>
  (await readFile(join(workspace, 'train', key, 'metrics.jsonl'), 'utf8'))
    .split('\n')
    .flatMap(line => (line.includes('validationLoss') ? [JSON.parse(line)] : [])) as readonly {
    readonly step: number
    readonly validationLoss: number
  }[]

t.test('the adapter is that of the best validation, and a resume ends at the same', async t => {
  const folder = t.testdir({})
  const early = { earlyStopping: { patience: 2 } }
  const { run, adapter, workspace } = await open(t, join(folder, 'resumed'), early)
  const stopped = await run('train', stoppingAfter(3))
  t.equal(stopped.exitCode, 75, stopped.result.message ?? '')
  const ended = await run('train')
  const { training } = ended.result
  const measured = await validations(workspace, ended)
  const best = measured.reduce((a, b) => (b.validationLoss < a.validationLoss ? b : a))
  t.match(training, {
    stoppedEarly: true,
    bestStep: best.step,
    validationLoss: best.validationLoss,
  })
  t.equal(training?.steps, measured.at(-1)?.step)
  t.ok((training?.steps ?? 99) < 30, 'it ends early')
  t.ok(best.step < (training?.steps ?? 0))
  const whole = await open(t, join(folder, 'whole'), early)
  const unbroken = await whole.run('train')
  const bytes = await whole.adapter(unbroken)
  t.ok((await adapter(ended)).equals(bytes), 'a run that never stopped gives the same bytes')
  const upTo = await open(t, join(folder, 'last'), { stopAfterSteps: best.step })
  const last = await upTo.run('train')
  t.ok((await upTo.adapter(last)).equals(bytes), 'they are those of the best step')
})
