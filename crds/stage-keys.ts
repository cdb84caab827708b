/** Content addresses of the stages' outputs: sha256 over the canonical JSON of what shapes them. */
import { createHash } from 'node:crypto'
import { canonicalJson } from './canonical-json.ts'
import type { ResolvedInstructionDatasetSpec, ResolvedSpec } from './resolved-spec.ts'

/** Raised whenever the same inputs would give other outputs. */
const FORMAT = 2

const hash = (value: unknown): string =>
  createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 32)

/** Scheduling fields do not shape the result; changing them starts no run. */
export const specHash = ({ dataset, ...spec }: ResolvedSpec): string => {
  // what a reference stands for is no part of the spec that somebody wrote
  const { curated: _, ...written } = dataset
  return hash([
    FORMAT,
    spec.model,
    written,
    spec.method,
    spec.training,
    spec.evaluation,
    spec.output,
  ])
}

/** Volume, resources and retries of a dataset do not shape its content. */
export const curateKey = (spec: ResolvedInstructionDatasetSpec): string => {
  const {
    volume: _volume,
    resources: _resources,
    podTemplate: _pods,
    retry: _retry,
    ...rest
  } = spec
  return hash([FORMAT, 'curate', rest])
}

export const prepareKey = (spec: ResolvedSpec): string =>
  hash([
    FORMAT,
    'prepare',
    // whatever led to the source: an equal one gives equal weights
    { source: spec.model.source },
    // wherever it lies: equal content is tokenized once
    spec.dataset.curated?.contentHash ?? spec.dataset,
    spec.training.sequenceLength,
    spec.training.packing,
    // absent where training starts anew, as it did before there was anything else
    ...(spec.method.lora.startFrom ? [{ startFrom: spec.method.lora.startFrom }] : []),
  ])

/** Raised whenever rows that are not packed are computed in other groups, and so add up to other last digits. */
const GROUPING = 'by tokens'

/** Raised whenever the weights that training reads are rounded to other values. */
const ROUNDING = 'least squares'

/** Raised whenever a step adds up to other last digits: a training does not go on in another arithmetic. */
const ARITHMETIC = 1

const roundsAnew = ({ type, quantization }: ResolvedSpec['method']): boolean =>
  type === 'QLoRA' && (quantization?.bits ?? 4) === 4

/** @param prepareDigest `digest` of the Prepare result that Train reads */
export const trainKey = (spec: ResolvedSpec, prepareDigest: string): string =>
  hash([
    FORMAT,
    'train',
    ARITHMETIC,
    prepareDigest,
    spec.method,
    spec.training,
    spec.evaluation.everySteps,
    ...(spec.training.packing ? [] : [GROUPING]),
    ...(roundsAnew(spec.method) ? [ROUNDING] : []),
  ])

/** Trainings that differ only in where they stop share their checkpoints. */
export const courseKey = (spec: ResolvedSpec, prepareDigest: string): string => {
  const { stopAfterSteps: _, ...training } = spec.training
  return trainKey({ ...spec, training }, prepareDigest)
}

export const evaluateKey = (spec: ResolvedSpec, trainDigest: string): string =>
  hash([FORMAT, 'evaluate', trainDigest, spec.evaluation.suites, spec.evaluation.gates])

/** Publishing is per run: the output folder carries the run's number. */
export const publishKey = (spec: ResolvedSpec, evaluateDigest: string, run: number): string =>
  hash([FORMAT, 'publish', evaluateDigest, spec.output, run])
