/** What operator, CLI and trainer agree on about a stage: its names, its job file, its result, its progress, its exit codes. */
import type { Reason } from './conditions.ts'
import type { DatasetReport } from './instruction-dataset-status.ts'
import type { ResolvedInstructionDatasetSpec, StageSpec } from './resolved-spec.ts'
import type { OutputFormat } from './spec/output.ts'

export const STAGES = ['prepare', 'train', 'evaluate', 'publish'] as const
export type Stage = (typeof STAGES)[number]
/** The one stage of an InstructionDataset; it belongs to no run of a job. */
export const CURATE = 'curate'
export type TrainerStage = Stage | typeof CURATE

/** The file every stage reads: `/etc/attune/job.json`, mounted from an immutable ConfigMap. */
export type JobFile = {
  readonly apiVersion: 'attune.dev/v1alpha1'
  readonly name: string
  readonly namespace: string
  /** Number of the run, from 1; names the published folder `run-<n>`. */
  readonly run: number
  readonly spec: StageSpec
}

/** The file that Curate reads, in the same place. */
export type DatasetFile = {
  readonly apiVersion: 'attune.dev/v1alpha1'
  readonly name: string
  readonly namespace: string
  readonly spec: ResolvedInstructionDatasetSpec
  /** keys of earlier contents that somebody still reads; the rest goes once the new one is there */
  readonly keep: readonly string[]
}

/** Exit codes of a stage, after BSD sysexits.h. 64-78 except 75 say that a retry cannot help. */
export const EXIT = {
  ok: 0,
  /** anything unforeseen, and outputs that cannot be written: retried */
  retryable: 1,
  /** EX_USAGE: command line or job file */
  usage: 64,
  /** EX_DATAERR: dataset or model file is not what it says */
  data: 65,
  /** EX_NOINPUT: source not found */
  noInput: 66,
  /** EX_PROTOCOL: training diverged */
  diverged: 76,
  /** EX_TEMPFAIL: stopped by SIGTERM with a checkpoint */
  stopped: 75,
  /** EX_NOPERM: source forbidden */
  forbidden: 77,
  /** EX_CONFIG: model unsupported, spec impossible for this model */
  config: 78,
  /** memory of the accelerator or the process ran out, and the process could still say so: retried with less */
  outOfMemory: 79,
} as const
export const PERMANENT_EXIT_CODES: readonly number[] = [
  64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 76, 77, 78,
]

/** Upper bound of a termination message, set by Kubernetes. */
export const TERMINATION_MESSAGE_MAX_BYTES = 4096
/** Port of /metrics, /progress and /healthz in a trainer pod. */
export const TRAINER_PORT = 8080

export type DatasetSummary = {
  readonly trainExamples: number
  readonly validationExamples: number
  /** tokens of the training rows, padding excluded */
  readonly trainTokens: number
  /** tokens that the loss counts */
  readonly responseTokens: number
  /** packed (or plain) rows per epoch */
  readonly rows: number
  /** share of the rows' tokens that is not padding; earlier versions did not tell */
  readonly rowFullness?: number
  readonly duplicates: number
  readonly truncated: number
  readonly dropped: number
  /** examples by slice, largest first, at most 20; the rest under `…` */
  readonly slices: Readonly<Record<string, number>>
}

export type CuratedSummary = {
  readonly examples: number
  readonly validationExamples: number
  readonly report: DatasetReport
}

export const PLAN_MEMORY_LIMITS = ['Accelerator', 'Container'] as const
export type PlanMemoryLimit = (typeof PLAN_MEMORY_LIMITS)[number]

export type Plan = {
  readonly modelParameters: number
  readonly trainableParameters: number
  readonly totalSteps: number
  readonly tokensPerStep: number
  readonly microBatchSize: number
  readonly recompute: boolean
  /** how many layers' activations; absent in plans of earlier versions, which took all or none */
  readonly recomputedLayers?: number
  readonly estimatedMemoryBytes: number
  readonly estimatedSeconds: number
  /** absent where nobody said how much memory the accelerator has */
  readonly fits?: boolean
  /** whose memory `fits` speaks of; absent in plans of earlier versions, which compared with the container's */
  readonly memoryLimit?: PlanMemoryLimit
}

export type TrainingSummary = {
  readonly steps: number
  readonly tokens: number
  readonly tokensPerSecond: number
  readonly finalLoss: number
  /** of the adapter that is the result */
  readonly validationLoss?: number
  /** step that the result is of, where the best validation is kept */
  readonly bestStep?: number
  /** whether validations without a gain ended it */
  readonly stoppedEarly?: boolean
  readonly seconds: number
  /** longest micro-batch seen; the pod's grace period follows from it */
  readonly microBatchSeconds: number
}

export type MetricPair = { readonly base: number; readonly tuned: number }
export type GateResult = {
  readonly metric: string
  readonly rule: 'atLeast' | 'improvesOnBaseBy' | 'maxSliceGap'
  readonly threshold: number
  readonly value: number
  readonly passed: boolean
}
export type EvaluationSummary = {
  /** suite → metric → values */
  readonly suites: Readonly<Record<string, Readonly<Record<string, MetricPair>>>>
  /** suite → metric → slice → values; only the 20 largest slices */
  readonly slices?: Readonly<
    Record<string, Readonly<Record<string, Readonly<Record<string, MetricPair>>>>>
  >
  readonly gates: readonly GateResult[]
  readonly gatesPassed: boolean
  /** mean over suites of the tuned value of the suite's first metric */
  readonly score: number
}

export type Artifact = {
  /** a folder; in a termination message perhaps only what of it lies below `output.uri` */
  readonly uri: string
  readonly format: OutputFormat
  /** sha256 of the file with the weights, of several over the canonical JSON of their digests */
  readonly digest: string
  readonly bytes: number
}

/** A stage's last word: `result.json` in its output folder, and (shrunk to 4 KiB) its termination message. */
export type StageResult = {
  readonly stage: TrainerStage
  readonly outcome: 'Succeeded' | 'Stopped' | 'Failed'
  /** content address of the stage's inputs; its output folder is `<workspace>/<stage>/<key>` */
  readonly key: string
  /** sha256 of what it made; part of the next stage's key */
  readonly digest?: string
  readonly reason?: Reason
  /** one line for people, at most 1,024 characters */
  readonly message?: string
  readonly seconds: number
  readonly dataset?: DatasetSummary
  readonly plan?: Plan
  readonly curated?: CuratedSummary
  readonly training?: TrainingSummary
  readonly evaluation?: EvaluationSummary
  readonly artifacts?: readonly Artifact[]
}

/** Body of GET /progress. */
export type Progress = {
  readonly stage: TrainerStage
  /** what it does just now, in words: `downloading model`, `training` */
  readonly activity: string
  /** 0…1 of the stage */
  readonly fraction: number
  readonly etaSeconds?: number
  readonly training?: TrainingProgress
}
export type TrainingProgress = {
  readonly step: number
  readonly totalSteps: number
  readonly epoch: number
  readonly loss: number
  readonly learningRate: number
  readonly gradientNorm: number
  readonly validationLoss?: number
  readonly validationTokenAccuracy?: number
  /** step of the best validation so far, where validations are compared */
  readonly bestStep?: number
  readonly bestValidationLoss?: number
  readonly tokensPerSecond: number
  readonly etaSeconds: number
  readonly microBatchSeconds: number
}
