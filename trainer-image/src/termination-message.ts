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

/** @returns JSON of at most 4,096 bytes; the least important parts go first */
export const terminationMessage = (result: StageResult): string => {
  const smaller = [
    (whole: StageResult) => whole,
    withoutEvaluationSlices,
    (whole: StageResult) => withoutDatasetSlices(withoutEvaluationSlices(whole)),
    onlyTheOutcome,
  ]
  for (const shrink of smaller) {
    const text = JSON.stringify(shrink(result))
    if (fits(text)) return text
  }
  return JSON.stringify({ ...onlyTheOutcome(result), message: result.message?.slice(0, 256) })
}
