/** Gates on the data, before an accelerator is taken. */
import type { ResolvedDataset } from '@attune/crds/resolved-spec.ts'
import { datasetBelowQuality, datasetMalformed } from '../stage-error.ts'
import type { Split } from './read-examples.ts'

export type DataCounts = {
  /** examples in all files */
  readonly read: number
  readonly train: number
  readonly validation: number
  /** examples whose content stands earlier, or in the validation data; left out */
  readonly duplicates: number
  /** examples of which the prompt's start was cut */
  readonly truncated: number
  /** left out: the answer alone is longer than a row */
  readonly tooLong: number
  /** left out: no token to learn */
  readonly untrained: number
}

const percent = (fraction: number) => `${(100 * fraction).toFixed(1)} %`

/** @param sequenceLength of the rows; the model and its rows may not be known yet */
const checkNotEmpty = (counts: DataCounts, sequenceLength: number | undefined) => {
  const { read, train, duplicates, tooLong, untrained } = counts
  if (train > 0) return
  if (sequenceLength === undefined)
    throw datasetMalformed(
      `no training example is left of ${read}: ${duplicates} duplicates, ${counts.validation} held out`,
    )
  throw datasetMalformed(
    `no training example is left of ${read}: ${duplicates} duplicates, ${tooLong} with an answer longer than training.sequenceLength ${sequenceLength}, ${untrained} with nothing to learn, ${counts.validation} held out`,
  )
}

export type Place = {
  /** field that holds the dataset: `dataset` in a job, `spec` in an InstructionDataset */
  readonly at: string
  readonly sequenceLength?: number
}

export const checkQuality = (
  counts: DataCounts,
  { quality, validation }: Pick<ResolvedDataset, 'quality'> & { readonly validation: Split },
  { at, sequenceLength }: Place,
): void => {
  checkNotEmpty(counts, sequenceLength)
  const { read, train, duplicates } = counts
  const share = duplicates / read
  const failures: string[] = []
  if (train < quality.minExamples)
    failures.push(`${train} training examples, ${at}.quality.minExamples is ${quality.minExamples}`)
  if (share > quality.maxDuplicateFraction)
    failures.push(
      `${duplicates} of ${read} examples (${percent(share)}) are duplicates, ${at}.quality.maxDuplicateFraction is ${quality.maxDuplicateFraction} (${percent(quality.maxDuplicateFraction)})`,
    )
  if (counts.validation === 0)
    failures.push(
      validation.sources
        ? `no validation example is left of ${at}.validation.sources`
        : `no example falls into the held-out fraction ${validation.fraction ?? DEFAULT_FRACTION} of ${read}; raise ${at}.validation.fraction or give ${at}.validation.sources`,
    )
  if (failures.length > 0) throw datasetBelowQuality(failures.join('; '))
}

/** Where neither `validation.fraction` nor `validation.sources` is given. */
export const DEFAULT_FRACTION = 0.1
