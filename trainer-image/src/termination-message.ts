/** Shrinks a stage's result to what Kubernetes keeps of a termination message. */
import { type StageResult, TERMINATION_MESSAGE_MAX_BYTES } from '@attune/crds/stage.ts'

const fits = (text: string) => Buffer.byteLength(text) <= TERMINATION_MESSAGE_MAX_BYTES

const withoutEvaluationSlices = (result: StageResult): StageResult => {
  if (!result.evaluation) return result
  const { slices: _, ...evaluation } = result.evaluation
  return { ...result, evaluation }
}

const withoutDatasetSlices = (result: StageResult): StageResult =>
  result.dataset ? { ...result, dataset: { ...result.dataset, slices: {} } } : result

/** The operator knows what comes before it. */
const withArtifactsBelowOutput = (result: StageResult): StageResult =>
  result.artifacts
    ? {
        ...result,
        artifacts: result.artifacts.map(({ uri, ...artifact }) => ({
          uri: uri.split('/').slice(-2).join('/'),
          ...artifact,
        })),
      }
    : result

/** The status shows figures, and of the gates those that matter: the report has the rest. */
const withFailedGatesOnly = (result: StageResult): StageResult =>
  result.evaluation
    ? {
        ...result,
        evaluation: {
          ...result.evaluation,
          gates: result.evaluation.gates.filter(gate => !gate.passed),
        },
      }
    : result

const rounded = (result: StageResult): StageResult =>
  JSON.parse(
    JSON.stringify(result, (_, value: unknown) =>
      typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value,
    ),
  ) as StageResult

const onlyTheOutcome = ({
  stage,
  outcome,
  key,
  digest,
  reason,
  message,
  seconds,
}: StageResult): StageResult => ({
  stage,
  outcome,
  key,
  seconds,
  ...(digest === undefined ? {} : { digest }),
  ...(reason === undefined ? {} : { reason }),
  ...(message === undefined ? {} : { message: message.slice(0, 1024) }),
})

/** The least important parts go first. */
const STEPS = [
  withoutEvaluationSlices,
  withoutDatasetSlices,
  rounded,
  withArtifactsBelowOutput,
  withFailedGatesOnly,
  onlyTheOutcome,
]

/** @returns JSON of at most 4,096 bytes */
export const terminationMessage = (result: StageResult): string => {
  let shrunk = result
  for (const step of STEPS) {
    if (fits(JSON.stringify(shrunk))) break
    shrunk = step(shrunk)
  }
  const text = JSON.stringify(shrunk)
  return fits(text) ? text : JSON.stringify({ ...shrunk, message: shrunk.message?.slice(0, 256) })
}
