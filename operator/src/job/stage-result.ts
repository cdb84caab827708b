/** A stage's last word, read from the termination message of its pod; the pod is not trusted. */
import { REASONS, type Reason } from '@attune/crds/conditions.ts'
import {
  type Artifact,
  CURATE,
  type CuratedSummary,
  type DatasetSummary,
  type EvaluationSummary,
  type GateResult,
  type MetricPair,
  type Plan,
  PLAN_MEMORY_LIMITS,
  STAGES,
  type StageResult,
  type TrainerStage,
  TERMINATION_MESSAGE_MAX_BYTES,
  type TrainingSummary,
} from '@attune/crds/stage.ts'
import type { DatasetReport } from '@attune/crds/instruction-dataset-status.ts'
import { OUTPUT_FORMATS } from '@attune/crds/spec/output.ts'
import { count, fields, flag, listOf, mapOf, number, positive, shape, text } from './untrusted.ts'

const MESSAGE_MAX = 1024
const SLICES_MAX = 21
const SUITES_MAX = 8
const METRICS_MAX = 8
const GATES_MAX = 16
const ARTIFACTS_MAX = 16

const oneOf =
  <T extends string>(values: readonly T[]) =>
  (value: unknown): T | undefined =>
    values.find(known => known === value)

const string = (max: number) => (value: unknown) => text(value, max)

const share = (value: unknown) => {
  const read = positive(value)
  return read !== undefined && read <= 1 ? read : undefined
}

const dataset = (value: unknown): DatasetSummary | undefined => {
  const read = shape<
    Omit<DatasetSummary, 'slices' | 'rowFullness'>,
    Pick<DatasetSummary, 'slices'> & { readonly rowFullness: number }
  >(
    value,
    {
      trainExamples: count,
      validationExamples: count,
      trainTokens: count,
      responseTokens: count,
      rows: count,
      duplicates: count,
      truncated: count,
      dropped: count,
    },
    { slices: slices => mapOf(slices, SLICES_MAX, count), rowFullness: share },
  )
  return read && { ...read, slices: read.slices ?? {} }
}

const characters = (value: unknown) =>
  shape<DatasetReport['promptCharacters'], object>(
    value,
    { mean: positive, p50: count, p95: count, max: count },
    {},
  )

const curatedReport = (value: unknown): DatasetReport | undefined => {
  const read = shape<Omit<DatasetReport, 'slices'>, Pick<DatasetReport, 'slices'>>(
    value,
    {
      read: count,
      duplicates: count,
      promptCharacters: characters,
      responseCharacters: characters,
      largestSliceShare: share,
    },
    // left out where the message would be too long
    { slices: slices => mapOf(slices, SLICES_MAX, count) },
  )
  return read && { ...read, slices: read.slices ?? {} }
}

const curated = (value: unknown) =>
  shape<CuratedSummary, object>(
    value,
    { examples: count, validationExamples: count, report: curatedReport },
    {},
  )

type SometimesPlanned = Required<Pick<Plan, 'recomputedLayers' | 'fits' | 'memoryLimit'>>

const plan = (value: unknown) =>
  shape<Omit<Plan, keyof SometimesPlanned>, SometimesPlanned>(
    value,
    {
      modelParameters: count,
      trainableParameters: count,
      totalSteps: count,
      tokensPerStep: number,
      microBatchSize: count,
      recompute: flag,
      estimatedMemoryBytes: number,
      estimatedSeconds: positive,
    },
    { recomputedLayers: count, fits: flag, memoryLimit: oneOf(PLAN_MEMORY_LIMITS) },
  )

/** What only some trainings have. */
type OfValidations = Required<Pick<TrainingSummary, 'validationLoss' | 'bestStep' | 'stoppedEarly'>>

const training = (value: unknown) =>
  shape<Omit<TrainingSummary, keyof OfValidations>, OfValidations>(
    value,
    {
      steps: count,
      tokens: number,
      tokensPerSecond: number,
      finalLoss: number,
      seconds: positive,
      microBatchSeconds: positive,
    },
    { validationLoss: number, bestStep: count, stoppedEarly: flag },
  )

const pair = (value: unknown) =>
  shape<MetricPair, object>(value, { base: number, tuned: number }, {})
const metrics = (value: unknown) => mapOf(value, METRICS_MAX, pair)
const bySlice = (value: unknown) =>
  mapOf(value, METRICS_MAX, slices => mapOf(slices, SLICES_MAX, pair))

const gate = (value: unknown) =>
  shape<GateResult, object>(
    value,
    {
      metric: string(128),
      rule: oneOf(['atLeast', 'improvesOnBaseBy', 'maxSliceGap']),
      threshold: number,
      value: number,
      passed: flag,
    },
    {},
  )

const evaluation = (value: unknown) =>
  shape<Omit<EvaluationSummary, 'slices'>, Required<Pick<EvaluationSummary, 'slices'>>>(
    value,
    {
      suites: suites => mapOf(suites, SUITES_MAX, metrics),
      gates: gates => listOf(gates, GATES_MAX, gate),
      gatesPassed: flag,
      score: number,
    },
    { slices: slices => mapOf(slices, SUITES_MAX, bySlice) },
  )

const artifact = (value: unknown) =>
  shape<Artifact, object>(
    value,
    { uri: string(4096), format: oneOf(OUTPUT_FORMATS), digest: string(128), bytes: count },
    {},
  )

const parsed = (message: string): unknown => {
  try {
    return JSON.parse(message)
  } catch {
    // the container wrote something else, e.g. the runtime's own last words
    return undefined
  }
}

/** @returns undefined unless it is the result of that stage */
export const readStageResult = (
  message: string | undefined,
  stage: TrainerStage,
): StageResult | undefined => {
  if (!message || Buffer.byteLength(message) > TERMINATION_MESSAGE_MAX_BYTES) return undefined
  const from = fields(parsed(message))
  if (!from || from['stage'] !== stage) return undefined
  const result = shape<
    Pick<StageResult, 'stage' | 'outcome' | 'seconds'>,
    Required<Omit<StageResult, 'stage' | 'outcome' | 'seconds' | 'key'>> & { key: string }
  >(
    from,
    {
      stage: oneOf([...STAGES, CURATE]),
      outcome: oneOf(['Succeeded', 'Stopped', 'Failed']),
      seconds: positive,
    },
    {
      key: string(64),
      digest: string(128),
      reason: oneOf(Object.keys(REASONS) as Reason[]),
      message: string(MESSAGE_MAX),
      dataset,
      plan,
      curated,
      training,
      evaluation,
      artifacts: artifacts => listOf(artifacts, ARTIFACTS_MAX, artifact),
    },
  )
  return result && { ...result, key: result.key ?? '' }
}
