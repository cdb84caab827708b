/** Stage Train: prepared rows and base weights in, adapter and metrics out; goes on from the newest checkpoint. */
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { trainKey } from '@attune/crds/stage-keys.ts'
import { openPrepared } from '../data/open-prepared.ts'
import { adapterConfigOf } from '../model/adapter-config.ts'
import { readModelConfig } from '../model/read-config.ts'
import { learningRateAt, warmupSteps } from '../optim/schedule.ts'
import { makePlan } from '../plan/make-plan.ts'
import { writeAdapter } from '../publish/peft-adapter.ts'
import { createTrainingEngine } from '../session/create-training-engine.ts'
import { usesCuda } from '../session/execution-providers.ts'
import { invalidSpec } from '../stage-error.ts'
import { type Counters, loadCheckpoint, saveCheckpoint } from '../train/checkpoint.ts'
import { openMetricsLog } from '../train/metrics-log.ts'
import { pinPieces } from '../train/pieces.ts'
import { totalSteps as countSteps } from '../train/steps.ts'
import { trainingLoop } from '../train/training-loop.ts'
import { publishMetrics, summaryOf } from '../train/training-metrics.ts'
import { openWeights } from '../weights/open-weights.ts'
import type { StageFunction } from './stage-context.ts'
import { finishedPrepare, stageFolder } from './stage-folders.ts'

const NOTHING_DONE: Counters = { step: 0, tokens: 0, seconds: 0, lastLoss: Number.NaN }

export const train: StageFunction = async context => {
  const { job, workspace, signal, metrics } = context
  const { training, method, evaluation } = job.spec
  const prepare = await finishedPrepare(workspace, job)
  const key = trainKey(job.spec, prepare.result.digest)
  const folder = stageFolder(workspace, 'train', key)
  const checkpoints = join(folder, 'checkpoints')
  await mkdir(checkpoints, { recursive: true })

  context.report({ activity: 'loading the model', fraction: 0 })
  const modelFolder = join(prepare.folder, 'model')
  const data = await openPrepared(join(prepare.folder, 'dataset'))
  const config = await readModelConfig(modelFolder)
  const adapter = adapterConfigOf(method)
  const { dataset } = prepare.result
  if (!dataset)
    throw invalidSpec(
      'the Prepare stage left no summary of the data; remove its folder and run it again',
    )
  // Prepare may be an earlier run's, with another batch size or memory limit
  const plan = makePlan({
    config,
    spec: job.spec,
    dataset,
    memoryLimitBytes: context.memoryLimitBytes,
    cores: availableParallelism(),
    cuda: usesCuda(context.environment),
  })
  const pieces = await pinPieces(join(folder, 'pieces.json'), plan)
  const checkpoint = await loadCheckpoint(checkpoints)
  const weights = await openWeights(modelFolder)
  const engine = await createTrainingEngine({
    config,
    weights,
    adapterConfig: adapter,
    start: checkpoint ? { state: checkpoint.state } : { seed: training.seed },
    recompute: pieces.recompute,
    scratchFolder: join(workspace, 'scratch'),
    threads: availableParallelism(),
  }).finally(() => weights.close())

  try {
    const stepPlan = { rows: data.train.count, batchSize: training.batchSize, seed: training.seed }
    const totalSteps = countSteps(stepPlan, training)
    const start = checkpoint?.counters ?? NOTHING_DONE
    context.log.info(
      { step: start.step, totalSteps },
      checkpoint ? 'resumed from a checkpoint' : 'starting',
    )
    const metricsLog = await openMetricsLog(join(folder, 'metrics.jsonl'), start.step)
    let tokens = start.tokens
    const warmup = warmupSteps(training.schedule.warmupFraction, totalSteps)
    const { type: _, ...adam } = training.optimizer
    const { counters, longestMicroBatchSeconds } = await trainingLoop(start, {
      engine,
      data,
      plan: stepPlan,
      totalSteps,
      microBatchSize: pieces.microBatchSize,
      evaluateEvery: evaluation.everySteps,
      checkpointEvery: training.checkpoint.everySteps,
      learningRate: step =>
        learningRateAt(
          {
            type: training.schedule.type,
            learningRate: training.learningRate,
            warmupSteps: warmup,
            totalSteps,
          },
          step,
        ),
      update: { ...adam, maxGradientNorm: training.maxGradientNorm },
      signal,
      clock: () => performance.now() / 1000,
      record: async entry => {
        if ('loss' in entry) {
          metrics.tokens.inc(entry.tokens - tokens)
          tokens = entry.tokens
        }
        await metricsLog.append(entry)
      },
      observe: seconds => metrics.stepSeconds.observe(seconds),
      report: progress => {
        publishMetrics(metrics, progress)
        context.report({
          activity: 'training',
          fraction: progress.step / totalSteps,
          etaSeconds: progress.etaSeconds,
          training: progress,
        })
      },
      save: async done => {
        await saveCheckpoint(
          checkpoints,
          { counters: done, state: await engine.state() },
          training.checkpoint.keep,
        )
        metrics.checkpointStep.set(done.step)
        context.log.info({ step: done.step }, 'checkpoint saved')
      },
    })
    const { parameters } = await engine.state()
    const adapterFolder = join(folder, 'adapter')
    await mkdir(adapterFolder, { recursive: true })
    await writeAdapter(adapterFolder, parameters, {
      config: adapter,
      baseModel: job.spec.model.source.uri,
    })
    const digest = createHash('sha256')
      .update(await readFile(join(adapterFolder, 'adapter_model.safetensors')))
      .update(await readFile(join(adapterFolder, 'adapter_config.json')))
      .digest('hex')
    return { key, digest, training: summaryOf(counters, longestMicroBatchSeconds) }
  } finally {
    await engine.close()
  }
}
