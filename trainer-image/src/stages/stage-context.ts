/** What every stage is given; nothing else reaches it from outside. */
import type { DatasetFile, JobFile, Progress, StageResult } from '@attune/crds/stage.ts'
import type { Logger } from 'pino'
import type { TrainerMetrics } from '../metrics.ts'

export type StageSurroundings = {
  /** folder shared by the stages; a stage writes only below `<workspace>/<stage>/<key>` */
  readonly workspace: string
  /** where claims are mounted: `pvc://claim/path` is `<pvcRoot>/claim/path` */
  readonly pvcRoot: string
  /** folder against which relative `file://` paths are resolved */
  readonly fileRoot: string
  /** aborted on SIGTERM, SIGINT and SIGHUP: end the current micro-batch, save, throw `StageStopped` */
  readonly signal: AbortSignal
  /** called often; the caller throttles */
  readonly report: (progress: Omit<Progress, 'stage'>) => void
  readonly metrics: TrainerMetrics
  readonly log: Logger
  /** environment variables the stage may look at: HF_ENDPOINT, HF_TOKEN */
  readonly environment: Readonly<Record<string, string | undefined>>
}

export type StageContext = StageSurroundings & {
  readonly job: JobFile
  /** bytes the process may use: the container's limit, else the machine's memory */
  readonly memoryLimitBytes: number
  /** how often Train was killed for memory before: each time it computes half as many rows at once */
  readonly microBatchHalvings: number
  /** Train writes where its steps' time went */
  readonly profile?: boolean
}

/** Of the stage of an InstructionDataset; its workspace is the dataset's volume. */
export type CurateContext = StageSurroundings & { readonly dataset: DatasetFile }

/** A finished stage's result, without what `run-stage.ts` adds. */
export type StageOutput = Omit<StageResult, 'stage' | 'outcome' | 'seconds' | 'reason' | 'message'>
export type StageFunction = (context: StageContext) => Promise<StageOutput>
