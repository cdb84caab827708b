/** Reads metrics.jsonl into curves of bounded length: neighbouring steps are averaged where there are many. */
import { readLines } from '../data/read-lines.ts'
import type { StepRecord, ValidationRecord } from '../train/metrics-log.ts'
import type { Curves, StepPoint, ValidationPoint } from './report/report-data.ts'

const MAX_POINTS = 1000
const LINE_MAX_BYTES = 4096

const isNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value)

const isStep = (entry: Partial<StepRecord>): entry is StepRecord =>
  [entry.step, entry.loss, entry.learningRate, entry.gradientNorm].every(isNumber)
const isValidation = (entry: Partial<ValidationRecord>): entry is ValidationRecord =>
  [entry.step, entry.validationLoss, entry.validationTokenAccuracy].every(isNumber)

const parse = (text: string): Partial<StepRecord & ValidationRecord> => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    // a line cut short by a kill
    return {}
  }
}

/** Averages runs of neighbours, so that at most `MAX_POINTS` remain; each keeps the last one's step. */
const createThinner = <P extends { readonly step: number }>(mean: (points: readonly P[]) => P) => {
  let kept: P[] = []
  let open: P[] = []
  let width = 1
  const close = () => {
    if (open.length > 0) kept.push(mean(open))
    open = []
  }
  return {
    add: (point: P) => {
      open.push(point)
      if (open.length < width) return
      close()
      if (kept.length < MAX_POINTS) return
      width *= 2
      const pairs = Array.from({ length: kept.length / 2 }, (_, i) => kept.slice(2 * i, 2 * i + 2))
      kept = pairs.map(mean)
    },
    points: (): readonly P[] => {
      close()
      return kept
    },
  }
}

const average = <P>(points: readonly P[], of: (point: P) => number): number =>
  points.reduce((sum, point) => sum + of(point), 0) / points.length

const meanStep = (points: readonly StepPoint[]): StepPoint => ({
  step: points.at(-1)!.step,
  loss: average(points, point => point.loss),
  learningRate: average(points, point => point.learningRate),
  gradientNorm: average(points, point => point.gradientNorm),
})
const meanValidation = (points: readonly ValidationPoint[]): ValidationPoint => ({
  step: points.at(-1)!.step,
  validationLoss: average(points, point => point.validationLoss),
  validationTokenAccuracy: average(points, point => point.validationTokenAccuracy),
})

export const readCurves = async (path: string): Promise<Curves> => {
  const steps = createThinner(meanStep)
  const validation = createThinner(meanValidation)
  for await (const { text } of readLines(path, 'metrics.jsonl', LINE_MAX_BYTES)) {
    const entry = parse(text)
    if (isStep(entry)) steps.add(entry)
    else if (isValidation(entry)) validation.add(entry)
  }
  return { steps: steps.points(), validation: validation.points() }
}
