/** One stage per call: `main.ts <stage> --job job.json --workspace DIR`. Wiring only. */
import { existsSync } from 'node:fs'
import { registerProcessMetrics } from '@attune/crds/metrics/process-metrics.ts'
import { CURATE, STAGES, TRAINER_PORT, type TrainerStage } from '@attune/crds/stage.ts'
import { Argument, Command, InvalidArgumentError } from 'commander'
import { type Logger, pino } from 'pino'
import { readDatasetFile, readJobFile } from './job-file.ts'
import { createTrainerMetrics } from './metrics.ts'
import { memoryLimit } from './plan/memory-limit.ts'
import { createProgressReporter } from './progress-reporter.ts'
import { failedRun, outcomeReporter } from './report-outcome.ts'
import { runCurate, runStage, type StageRun } from './run-stage.ts'
import { startServer } from './server.ts'
import type { StageSurroundings } from './stages/stage-context.ts'

// ONNX Runtime uploads telemetry unless told otherwise before its library is loaded
process.env['ORT_DISABLE_TELEMETRY'] = '1'

type Options = {
  readonly job: string
  readonly workspace: string
  readonly pvcRoot: string
  readonly fileRoot: string
  readonly port: number
  readonly server: boolean
  readonly microBatchHalvings: number
  readonly profile?: boolean
  readonly result?: string
  readonly terminationLog?: string
}

/** Kubernetes' default path; it exists in a pod only. */
const kubernetesTerminationLog = () =>
  existsSync('/dev/termination-log') ? '/dev/termination-log' : undefined

const port = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 65535)
    throw new InvalidArgumentError('a port is 0-65535')
  return value
}

/** Beyond this a micro-batch of any size is one row. */
const MAX_HALVINGS = 32

const halvings = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError('a number of times is an integer from 0')
  return Math.min(value, MAX_HALVINGS)
}

const stopOnSignals = (): AbortSignal => {
  const controller = new AbortController()
  // a terminal that closes sends SIGHUP to the stage as well as to the command that started it
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(name, () => controller.abort())
  // whoever started this process and listened to it is gone
  process.on('disconnect', () => controller.abort())
  return controller.signal
}

/** Reads the file that the stage is given before anything is opened. */
const workOf = async (stage: TrainerStage, options: Options) => {
  if (stage === CURATE) {
    const dataset = await readDatasetFile(options.job)
    return (surroundings: StageSurroundings) => runCurate({ ...surroundings, dataset })
  }
  const job = await readJobFile(options.job)
  const { microBatchHalvings, profile = false } = options
  const memoryLimitBytes = memoryLimit()
  return (surroundings: StageSurroundings) =>
    runStage(stage, { ...surroundings, job, memoryLimitBytes, microBatchHalvings, profile })
}

const logOf = (stage: TrainerStage) =>
  pino({ base: { stage } }, pino.destination({ dest: 2, sync: true }))

const execute = async (stage: TrainerStage, options: Options, log: Logger): Promise<StageRun> => {
  const signal = stopOnSignals()
  const metrics = createTrainerMetrics()
  const reporter = createProgressReporter(stage, metrics, progress => {
    if (process.connected) process.send?.({ type: 'progress', progress })
  })
  metrics.memoryLimitBytes.set(memoryLimit())
  if (options.server) registerProcessMetrics(metrics.registry)
  const work = await workOf(stage, options)
  const server = options.server
    ? await startServer({
        port: options.port,
        registry: metrics.registry,
        progress: reporter.current,
      })
    : undefined
  try {
    return await work({
      workspace: options.workspace,
      pvcRoot: options.pvcRoot,
      fileRoot: options.fileRoot,
      signal,
      report: reporter.report,
      metrics,
      log,
      environment: process.env,
    })
  } finally {
    server?.close()
    server?.closeAllConnections()
  }
}

/** A library may throw where no caller can catch it; whoever started the stage is told all the same. */
const main = async (stage: TrainerStage, options: Options) => {
  const report = outcomeReporter(options)
  const log = logOf(stage)
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error: unknown) => {
      void report(failedRun(stage, error))
      log.fatal({ err: error }, event)
    })
  await report(await execute(stage, options, log).catch(error => failedRun(stage, error)))
}

await new Command('attune-trainer')
  .description(
    'Runs one stage of an InstructionTuningJob, or curate of an InstructionDataset, on a folder.',
  )
  .addArgument(new Argument('<stage>', 'what to run').choices([...STAGES, CURATE]))
  .requiredOption('--job <file>', 'job file (JSON)', process.env['ATTUNE_JOB'])
  .requiredOption(
    '--workspace <dir>',
    'folder that the stages share',
    process.env['ATTUNE_WORKSPACE'],
  )
  .option('--pvc-root <dir>', 'folder below which claims are mounted', '/mnt/pvc')
  .option('--file-root <dir>', 'folder that relative file:// URIs start from', process.cwd())
  .option('--port <number>', 'port of /metrics, /progress and /healthz', port, TRAINER_PORT)
  .option('--no-server', 'open no port')
  .option(
    '--micro-batch-halvings <times>',
    'Train computes half as many rows at once, so many times over',
    halvings,
    0,
  )
  .option('--profile', 'Train also writes where the time of its steps went')
  .option('--result <file>', 'write the result there (JSON)')
  .option(
    '--termination-log <file>',
    'write the result there too, cut to 4 KiB',
    kubernetesTerminationLog(),
  )
  .action(main)
  .parseAsync()
