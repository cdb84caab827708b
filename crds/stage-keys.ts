/** Content addresses of the stages' outputs: sha256 over the canonical JSON of what shapes them. */
import { createHash } from 'node:crypto'
import { canonicalJson } from './canonical-json.ts'
import type { ResolvedSpec } from './resolved-spec.ts'

/** Raised whenever the same inputs would give other outputs. */
const FORMAT = 1

const hash = (value: unknown): string =>
  createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 32)

/** Scheduling fields do not shape the result; changing them starts no run. */
export const specHash = (spec: ResolvedSpec): string =>
  hash([FORMAT, spec.model, spec.dataset, spec.method, spec.training, spec.evaluation, spec.output])

export const prepareKey = (spec: ResolvedSpec): string =>
  hash([
    FORMAT,
    'prepare',
    spec.model,
    spec.dataset,
    spec.training.sequenceLength,
    spec.training.packing,
  ])

/** @param prepareDigest `digest` of the Prepare result that Train reads */
export const trainKey = (spec: ResolvedSpec, prepareDigest: string): string =>
  hash([FORMAT, 'train', prepareDigest, spec.method, spec.training, spec.evaluation.everySteps])

export const evaluateKey = (spec: ResolvedSpec, trainDigest: string): string =>
  hash([FORMAT, 'evaluate', trainDigest, spec.evaluation.suites, spec.evaluation.gates])

/** Publishing is per run: the output folder carries the run's number. */
export const publishKey = (spec: ResolvedSpec, evaluateDigest: string, run: number): string =>
  hash([FORMAT, 'publish', evaluateDigest, spec.output, run])
