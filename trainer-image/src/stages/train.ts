/** Stage Train: prepared rows and base weights in, adapter and metrics out; goes on from the newest checkpoint. */
import { copyFile, mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { ResolvedTraining } from '@attune/crds/resolved-spec.ts'
import type { JobFile } from '@attune/crds/stage.ts'
import { courseKey, trainKey } from '@attune/crds/stage-keys.ts'
import { removeTemporaries } from '../atomic-file.ts'
import { readRecords } from '../data/fetch-sources.ts'
import { openPrepared } from '../data/open-prepared.ts'
import { tuningMethodOf } from '../model/adapter-config.ts'
import type { ModelConfig } from '../model/config.ts'
import { quantizationOf } from '../model/quantization.ts'
import { readModelConfig } from '../model/read-config.ts'
import { parameterSlots } from '../model/trainable.ts'
import { learningRateAt, scheduleOf } from '../optim/schedule.ts'
import { checkPrecision } from '../precision/check-precision.ts'
import { halfTypeOf, scalesLoss } from '../precision/half-type.ts'
import { planPieces } from '../plan/plan-pieces.ts'
import { PROFILE_FOLDER, writeProfile } from '../profile/write-profile.ts'
import { adapterBase } from '../publish/sources.ts'
import { writeTrained } from '../publish/trained-model.ts'
import { createTrainingEngine } from '../session/create-training-engine.ts'
import { noiseBound } from '../session/embedding-noise.ts'
import { usesCuda } from '../session/execution-providers.ts'
import { stateRoom } from '../session/flat-state.ts'
import { runsPerUpdate } from '../session/update-programs.ts'
import { invalidSpec } from '../stage-error.ts'
import { checkComparisons, goalOf } from '../train/best.ts'
import { bestStatesIn } from '../train/best-states.ts'
import { type Counters, loadCheckpoint, newestStep, saveCheckpoint } from '../train/checkpoint.ts'
import { groupingOf } from '../train/group-rows.ts'
import { openMetricsLog } from '../train/metrics-log.ts'
import { halvePieces, microBatchAt, PIECES_FILE, pinPieces } from '../train/pieces.ts'
import { totalSteps as countSteps, lastStep, rowCountOfStep, rowsOfStep } from '../train/steps.ts'
import { type LoopOptions, type LoopResult, trainingLoop } from '../train/training-loop.ts'
import { publishDataset, publishMetrics, summaryOf } from '../train/training-metrics.ts'
import { openWeights } from '../weights/open-weights.ts'
import { stoppableWeights } from '../weights/stoppable-weights.ts'
import type { StageContext, StageFunction, StageOutput } from './stage-context.ts'
import { finishedPrepare, stageFolder } from './stage-folders.ts'
import { openTuningStart } from './tuning-start.ts'

const NOTHING_DONE: Counters = { step: 0, tokens: 0, seconds: 0, lastLoss: Number.NaN }

const CHECKPOINTS = 'checkpoints'
const BEST = 'best'
const METRICS_LOG = 'metrics.jsonl'

/** One that has gone past the stop cannot be taken up again there. */
const courseFolder = async (folder: string, course: string, stopAfterSteps?: number) => {
  if (stopAfterSteps === undefined) return course
  return (await newestStep(join(course, CHECKPOINTS))) <= stopAfterSteps ? course : folder
}

/**
 * Where a run works, without what earlier attempts left half written.
 * `folder` gets the result; `course` has what every training that differs only in its stop goes on from.
 */
const openFolders = async (workspace: string, { spec }: JobFile, prepareDigest: string) => {
  const key = trainKey(spec, prepareDigest)
  const folder = stageFolder(workspace, 'train', key)
  const shared = stageFolder(workspace, 'train', courseKey(spec, prepareDigest))
  const course = await courseFolder(folder, shared, spec.training.stopAfterSteps)
  const [checkpoints, best] = [join(course, CHECKPOINTS), join(course, BEST)]
  const scratch = join(workspace, 'scratch')
  for (const path of [folder, checkpoints, best, scratch]) await mkdir(path, { recursive: true })
  for (const path of [folder, course, checkpoints, best, scratch]) await removeTemporaries(path)
  return { key, folder, course, checkpoints, best: bestStatesIn(best, checkpoints), scratch }
}

/** ONNX Runtime's own profiles, until they are summed up. */
const rawProfileOf = (scratch: string) => join(scratch, PROFILE_FOLDER)

const regularizationOf = (
  { neftuneAlpha, labelSmoothing, sequenceLength }: ResolvedTraining,
  { hiddenSize }: ModelConfig,
) => ({
  ...(neftuneAlpha ? { noiseBound: noiseBound(neftuneAlpha, sequenceLength, hiddenSize) } : {}),
  ...(labelSmoothing ? { labelSmoothing } : {}),
})

/** Everything that training starts from; the engine is open and has to be closed. */
const openRun = async (context: StageContext) => {
  const { job, workspace, environment, memoryLimitBytes, microBatchHalvings } = context
  checkPrecision(job.spec.training, environment)
  const prepare = await finishedPrepare(workspace, job)
  const folders = await openFolders(workspace, job, prepare.result.digest)
  const { course, checkpoints, best, scratch } = folders
  const modelFolder = join(prepare.folder, 'model')
  const data = await openPrepared(join(prepare.folder, 'dataset'))
  const config = await readModelConfig(modelFolder)
  const method = tuningMethodOf(job.spec.method)
  const slots = parameterSlots(config, method)
  const parameters = await openTuningStart(config, job.spec, prepare.folder)
  const { dataset } = prepare.result
  if (!dataset)
    throw invalidSpec('Prepare left no summary of the data; remove its folder and run it again')
  checkComparisons(job.spec.training, data.validation)
  publishDataset(context.metrics, dataset)
  const cores = availableParallelism()
  const cuda = usesCuda(environment)
  const piecesFile = join(course, PIECES_FILE)
  // made anew: Prepare may be an earlier run's, with another batch size or memory limit
  const pinned = await pinPieces(piecesFile, () =>
    planPieces({ config, spec: job.spec, dataset, memoryLimitBytes, cores, cuda }),
  )
  const room = stateRoom(slots)
  const checkpoint = await loadCheckpoint(checkpoints, best.has, room.place)
  const start = checkpoint?.counters ?? NOTHING_DONE
  const pieces = await halvePieces(piecesFile, pinned, start.step, microBatchHalvings)
  const records = await readRecords(prepare.folder)
  const quantization = quantizationOf(job.spec.method)
  const half = halfTypeOf(job.spec.training)
  const weights = await openWeights(modelFolder)
  const engine = await createTrainingEngine({
    config,
    weights: stoppableWeights(weights, context.signal),
    ...(records ? { weightsDigest: records.model.digest } : {}),
    method,
    ...(quantization ? { quantization } : {}),
    ...(half ? { half } : {}),
    ...regularizationOf(job.spec.training, config),
    seed: job.spec.training.seed,
    start: checkpoint
      ? { state: checkpoint.state, flat: room.state() }
      : parameters
        ? { parameters }
        : { seed: job.spec.training.seed },
    recompute: pieces.recompute,
    scratchFolder: scratch,
    threads: pieces.threads,
    // what began on the CPU may go on with an accelerator
    replicas: cuda ? 1 : (pieces.replicas ?? 1),
    ...(context.profile ? { profileFolder: rawProfileOf(scratch) } : {}),
  }).finally(() => weights.close())
  return {
    ...folders,
    data,
    pieces,
    engine,
    method,
    slots,
    base: {
      ...adapterBase(records?.model ?? job.spec.model.source),
      isTied: config.tieWordEmbeddings,
    },
    start,
  }
}
type Run = Awaited<ReturnType<typeof openRun>>

/** What the loop tells: to metrics.jsonl, to Prometheus, to whoever polls, and to the checkpoint folder. */
const effectsOf = async (
  { metrics, log, report, job }: StageContext,
  { course, checkpoints, best, engine, start, data }: Run,
): Promise<Pick<LoopOptions, 'record' | 'observe' | 'report' | 'save' | 'keep' | 'overflowed'>> => {
  const metricsLog = await openMetricsLog(join(course, METRICS_LOG), start.step)
  const plan = { rows: data.train.count, batchSize: job.spec.training.batchSize }
  let tokens = start.tokens
  return {
    record: async entry => {
      if ('loss' in entry) {
        metrics.tokens.inc(entry.tokens - tokens)
        metrics.rows.inc(rowCountOfStep(plan, entry.step - 1))
        tokens = entry.tokens
        if (entry.lossScale !== undefined) metrics.lossScale.set(entry.lossScale)
      }
      await metricsLog.append(entry)
    },
    observe: (part, seconds) =>
      part === 'step'
        ? metrics.stepSeconds.observe(seconds)
        : metrics.partSeconds.observe({ part }, seconds),
    report: training => {
      publishMetrics(metrics, training)
      const fraction = training.step / training.totalSteps
      report({ activity: 'training', fraction, etaSeconds: training.etaSeconds, training })
    },
    save: async counters => {
      const { keep } = job.spec.training.checkpoint
      const checkpoint = { counters, state: await engine.state() }
      const bytes = await saveCheckpoint(checkpoints, checkpoint, keep)
      await best.prune()
      metrics.checkpointStep.set(counters.step)
      metrics.checkpointTime.set(Date.now() / 1000)
      metrics.checkpointBytes.set(bytes)
      log.info({ step: counters.step }, 'checkpoint saved')
    },
    overflowed: (step, lossScale) => {
      metrics.overflows.inc()
      log.warn(
        { step, lossScale },
        'gradients overflowed: the update is skipped and computed again',
      )
    },
    keep: async counters => {
      await best.save(counters, await engine.state())
      log.info({ step: counters.step }, 'best validation so far')
    },
  }
}

/** @returns the parameters that the run is about: those of the best validation, or of the last step */
const resultOf = async ({ engine, best }: Run, { kept }: LoopResult) => {
  if (!kept) return (await engine.state()).parameters
  const parameters = await best.load(kept.step)
  // a further start finds it damaged, too, and trains from an earlier checkpoint
  if (!parameters) throw new Error(`the parameters of step ${kept.step}, the best, are damaged`)
  return parameters
}

/** @returns digest of what was trained */
const writeResult = async (run: Run, result: LoopResult): Promise<string> => {
  const { folder, course, base, method } = run
  if (folder !== course) await copyFile(join(course, METRICS_LOG), join(folder, METRICS_LOG))
  return writeTrained(folder, method, await resultOf(run, result), base)
}

const trainRun = async (context: StageContext, run: Run): Promise<StageOutput> => {
  const { training, evaluation } = context.job.spec
  const { data, engine, start, pieces } = run
  const plan = { rows: data.train.count, batchSize: training.batchSize, seed: training.seed }
  const scheduledSteps = countSteps(plan, training)
  const totalSteps = lastStep(plan, training)
  const schedule = scheduleOf(training, scheduledSteps)
  const goal = goalOf(training)
  const opening = start.step > 0 ? 'resumed from a checkpoint' : 'starting'
  const { threads, replicas } = pieces
  const microBatchSize = microBatchAt(pieces, start.step)
  context.log.info({ step: start.step, totalSteps, threads, replicas, microBatchSize }, opening)
  const { type: _, ...adam } = training.optimizer
  const result = await trainingLoop(start, {
    engine,
    data,
    plan,
    totalSteps,
    scheduledSteps,
    warmupSteps: schedule.warmupSteps,
    groupingAt: step => groupingOf({ ...training, microBatchSize: microBatchAt(pieces, step) }),
    goal,
    evaluateEvery: evaluation.everySteps,
    checkpointEvery: training.checkpoint.everySteps,
    learningRate: step => learningRateAt(schedule, step),
    update: { ...adam, maxGradientNorm: training.maxGradientNorm },
    scalesLoss: scalesLoss(halfTypeOf(training)),
    signal: context.signal,
    clock: () => performance.now() / 1000,
    ...(await effectsOf(context, run)),
  })
  const summary = summaryOf(result, goal?.keepBest ?? false)
  const { steps, stoppedEarly, bestStep } = summary
  if (stoppedEarly) context.log.info({ step: steps, bestStep }, 'stopped early: no further gain')
  const digest = await writeResult(run, result)
  return { key: run.key, digest, training: summary }
}

/** The sessions have written their profiles when the engine is closed. */
const summarizeProfile = async ({ spec }: JobFile, run: Run) => {
  const { folder, scratch, data, pieces, slots, start } = run
  const { training } = spec
  const plan = { rows: data.train.count, batchSize: training.batchSize, seed: training.seed }
  const first = rowsOfStep(plan, 0).map(row => data.train.row(row))
  const { group } = groupingOf({ ...training, microBatchSize: microBatchAt(pieces, start.step) })
  const timesPerStep = { train: group(first).length, ...runsPerUpdate(slots) }
  await writeProfile(join(folder, PROFILE_FOLDER), rawProfileOf(scratch), timesPerStep)
}

export const train: StageFunction = async context => {
  context.report({ activity: 'loading the model', fraction: 0 })
  const run = await openRun(context)
  try {
    return await trainRun(context, run)
  } finally {
    await run.engine.close()
    if (context.profile) await summarizeProfile(context.job, run)
  }
}
