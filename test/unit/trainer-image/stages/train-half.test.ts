/** Stage Train in a half type. Where CUDA is asked for and not there, ONNX Runtime's CPU kernels take its place. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { runStage } from '../../../../trainer-image/src/run-stage.ts'
import type { StageContext } from '../../../../trainer-image/src/stages/stage-context.ts'
import { loadCheckpoint } from '../../../../trainer-image/src/train/checkpoint.ts'
import { aStageContext } from '../../../fixtures/a-stage-context.ts'
import { writeTinyJob } from '../../../fixtures/tiny-job.ts'

const CUDA = { environment: { ATTUNE_EXECUTION_PROVIDER: 'cuda' } }
const STEPS = 4

const open = async (folder: string, precision: 'FP32' | 'FP16' | 'BF16') => {
  const { job, workspace } = await writeTinyJob(folder, spec => ({
    ...spec,
    training: { ...spec.training, maxSteps: STEPS, batchSize: 8, precision },
    resources: { ...spec.resources, accelerator: {} },
  }))
  const run = (stage: 'prepare' | 'train', more: Partial<StageContext> = {}) =>
    runStage(stage, aStageContext({ workspace, job }, more))
  await run('prepare')
  const adapterOf = (key: string) =>
    readFile(join(workspace, 'train', key, 'adapter', 'adapter_model.safetensors'))
  return { run, workspace, adapterOf }
}

/** Ends once a step is reported. */
const stoppingAfter = (step: number): Partial<StageContext> => {
  const controller = new AbortController()
  return {
    signal: controller.signal,
    report: ({ training }) => void (training?.step === step && controller.abort()),
  }
}

t.test('without CUDA it says so and trains nothing', async t => {
  const { run } = await open(t.testdir({}), 'BF16')
  const { result } = await run('train')
  t.match(result, { outcome: 'Failed', reason: 'InvalidSpec', message: /precision: BF16/ })
})

t.test('FP16 scales the loss, says by how much, and resumes to the same bytes', async t => {
  const folder = t.testdir({})
  const { run, workspace, adapterOf } = await open(join(folder, 'stopped'), 'FP16')
  const stopped = await run('train', { ...CUDA, ...stoppingAfter(2) })
  t.equal(stopped.exitCode, 75, stopped.result.message ?? '')
  const found = await loadCheckpoint(join(workspace, 'train', stopped.result.key, 'checkpoints'))
  t.match(found?.counters, { step: 2, lossScale: { updates: 2 } })
  const ended = await run('train', CUDA)
  t.equal(ended.result.outcome, 'Succeeded', ended.result.message ?? '')
  const log = await readFile(join(workspace, 'train', ended.result.key, 'metrics.jsonl'), 'utf8')
  const lines = log.split('\n').filter(line => line.includes('"loss"'))
  const scales = lines.map(line => (JSON.parse(line) as { lossScale: number }).lossScale)
  t.equal(scales.length, STEPS)
  t.ok(scales.every(scale => scale >= 1 && Number.isInteger(Math.log2(scale))))
  const whole = await open(join(folder, 'whole'), 'FP16')
  const { key } = (await whole.run('train', CUDA)).result
  t.ok((await whole.adapterOf(key)).equals(await adapterOf(ended.result.key)))
})
