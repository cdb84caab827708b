/** Chooses the examples that a report shows, from a file of any length. */
import { readLines } from '../data/read-lines.ts'
import type { Sample, Samples } from './report/report-data.ts'

const SHOWN = 5
/** Candidates kept while reading, so that several slices can be shown. */
const CANDIDATES = 100
const LINE_MAX_BYTES = 64 * 2 ** 20
/** Characters of a text that are shown. */
const TEXT_MAX = 3000
/** Slices whose examples are counted; the report shows 20 per suite. */
const MAX_SLICES = 1000

const meanOf = (sample: Sample, model: 'base' | 'tuned'): number => {
  const values = Object.values(sample.scores).map(pair => pair[model])
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}
const gain = (sample: Sample) => meanOf(sample, 'tuned') - meanOf(sample, 'base')

/** Keeps the samples with the highest rank. */
const createTop = (rank: (sample: Sample) => number) => {
  let kept: Sample[] = []
  const trim = () => {
    kept = kept.toSorted((a, b) => rank(b) - rank(a)).slice(0, CANDIDATES)
  }
  return {
    add: (sample: Sample) => {
      kept.push(sample)
      if (kept.length >= 2 * CANDIDATES) trim()
    },
    samples: () => {
      trim()
      return kept
    },
  }
}

/** One of each slice first, then the next of each, so that the examples are not all alike. */
const spread = (samples: readonly Sample[]): Sample[] => {
  const slices = [...Map.groupBy(samples, sample => sample.slice).values()]
  const rounds = Math.max(0, ...slices.map(slice => slice.length))
  return Array.from({ length: rounds }, (_, round) =>
    slices.flatMap(slice => slice[round] ?? []),
  ).flat()
}

const isSample = (value: unknown): value is Sample => {
  if (typeof value !== 'object' || value === null) return false
  const { suite, slice, prompt, reference, base, tuned, scores } = value as Record<string, unknown>
  return (
    [suite, slice, prompt, reference, base, tuned].every(field => typeof field === 'string') &&
    typeof scores === 'object' &&
    scores !== null
  )
}

const clip = (text: string): string =>
  text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)} …` : text
const clipped = (sample: Sample): Sample => ({
  ...sample,
  prompt: clip(sample.prompt),
  reference: clip(sample.reference),
  base: clip(sample.base),
  tuned: clip(sample.tuned),
})

/** @param path `samples.jsonl` of the Evaluate stage */
export const pickSamples = async (path: string): Promise<Samples> => {
  const best = createTop(gain)
  const worst = createTop(sample => -meanOf(sample, 'tuned'))
  const counts = new Map<string, Map<string, number>>()
  for await (const { text } of readLines(path, 'samples.jsonl', LINE_MAX_BYTES)) {
    const read: unknown = JSON.parse(text)
    if (!isSample(read)) continue
    const sample = clipped(read)
    if (gain(sample) > 0) best.add(sample)
    if (meanOf(sample, 'tuned') < 1) worst.add(sample)
    const slices = counts.get(sample.suite) ?? new Map<string, number>()
    counts.set(sample.suite, slices)
    if (slices.size < MAX_SLICES || slices.has(sample.slice))
      slices.set(sample.slice, (slices.get(sample.slice) ?? 0) + 1)
  }
  return {
    best: spread(best.samples()).slice(0, SHOWN),
    worst: spread(worst.samples()).slice(0, SHOWN),
    counts: Object.fromEntries([...counts].map(([suite, of]) => [suite, Object.fromEntries(of)])),
  }
}
