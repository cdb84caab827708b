/** What a job will take, for people, before anything is trained. */
import type { DatasetSummary, Plan, StageResult } from '@attune/crds/stage.ts'
import { bytes, count, duration, oneLine, table } from './format.ts'

const SHOWN_SLICES = 8

const fullness = ({ rowFullness }: DatasetSummary): string =>
  rowFullness === undefined ? '' : `, ${(100 * rowFullness).toFixed(1)} % full`

const datasetRows = (dataset: DatasetSummary): string[][] => {
  const slices = Object.entries(dataset.slices)
  const more = slices.length > SHOWN_SLICES ? ', …' : ''
  return [
    [
      'examples',
      `${count(dataset.trainExamples)} to train on, ${count(dataset.validationExamples)} held out`,
    ],
    ['tokens', `${count(dataset.trainTokens)}, of them ${count(dataset.responseTokens)} learned`],
    ['rows per epoch', `${count(dataset.rows)}${fullness(dataset)}`],
    [
      'left out',
      `${count(dataset.dropped)} dropped, ${count(dataset.truncated)} truncated, ${count(dataset.duplicates)} duplicates`,
    ],
    ...(slices.length > 1
      ? [
          [
            'slices',
            slices
              .slice(0, SHOWN_SLICES)
              .map(([name, size]) => `${oneLine(name)} ${count(size)}`)
              .join(', ') + more,
          ],
        ]
      : []),
  ]
}

const recomputed = ({ recompute, recomputedLayers }: Plan): string => {
  if (!recompute) return ''
  const of = recomputedLayers === undefined ? '' : ` of ${count(recomputedLayers)} layers`
  return `, activations${of} computed again`
}

const misfit = ({ fits, memoryLimit }: Plan): string => {
  if (fits === undefined) return "; the accelerator's is not given (resources.accelerator.memory)"
  if (fits) return ''
  return memoryLimit === 'Accelerator'
    ? ', more than resources.accelerator.memory'
    : ', more than this machine has'
}

const planRows = (plan: Plan): string[][] => {
  const share = ((100 * plan.trainableParameters) / plan.modelParameters).toFixed(2)
  const memory = bytes(plan.estimatedMemoryBytes)
  return [
    [
      'parameters',
      `${count(plan.modelParameters)}, of them ${count(plan.trainableParameters)} trained (${share} %)`,
    ],
    ['steps', `${count(plan.totalSteps)} of about ${count(plan.tokensPerStep)} tokens`],
    ['micro-batch', `${count(plan.microBatchSize)} rows${recomputed(plan)}`],
    ['memory', `about ${memory}${misfit(plan)}`],
    ['training time', `about ${duration(plan.estimatedSeconds)}`],
  ]
}

export const planText = ({ dataset, plan }: Pick<StageResult, 'dataset' | 'plan'>): string =>
  table([...(dataset ? datasetRows(dataset) : []), ...(plan ? planRows(plan) : [])], [0, 1])
