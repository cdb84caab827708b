/** What a person wants to know of the data before it is trained on: `report.json`. */
import type { Renderer } from './document.ts'
import type { PreparedDataset, Row, RowSet } from './prepared.ts'
import type { DataCounts } from './quality.ts'
import type { SliceCounts } from './slices.ts'

const SAMPLES = 3
const SAMPLE_TOKENS = 512
const PERCENTILES = [5, 25, 50, 75, 95, 99] as const

export type Lengths = {
  readonly mean: number
  readonly max: number
  /** nearest rank */
  readonly percentiles: Readonly<Record<`p${(typeof PERCENTILES)[number]}`, number>>
}
/** Neighbouring tokens of one document that are all targets or all not. */
export type Span = { readonly document: number; readonly learned: boolean; readonly text: string }
export type Sample = {
  readonly row: number
  readonly cut: boolean
  readonly spans: readonly Span[]
}

export type DataReport = {
  readonly counts: DataCounts
  /** tokens per training example */
  readonly exampleTokens: Lengths
  /** learned tokens per training example */
  readonly responseTokens: Lengths
  readonly rows: {
    readonly count: number
    readonly sequenceLength: number
    /** share of the rows' tokens that is not padding */
    readonly fullness: number
  }
  readonly slices: { readonly train: SliceCounts; readonly validation: SliceCounts }
  readonly samples: readonly Sample[]
}

export const describeLengths = (lengths: Int32Array): Lengths => {
  const sorted = lengths.toSorted()
  const rank = (percent: number) =>
    sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0
  const sum = sorted.reduce((total, length) => total + length, 0)
  return {
    mean: sorted.length === 0 ? 0 : sum / sorted.length,
    max: sorted.at(-1) ?? 0,
    percentiles: Object.fromEntries(
      PERCENTILES.map(percent => [`p${percent}`, rank(percent)]),
    ) as Lengths['percentiles'],
  }
}

export const fullness = ({ tokens, count }: RowSet, sequenceLength: number): number =>
  count === 0 ? 0 : tokens / (count * sequenceLength)

export const spansOf = (row: Row, decode: Renderer['decode']): readonly Span[] => {
  const used = Math.min(
    SAMPLE_TOKENS,
    row.segments.indexOf(0) < 0 ? row.tokens.length : row.segments.indexOf(0),
  )
  const spans: Span[] = []
  let start = 0
  for (let t = 1; t <= used; t++) {
    const ends =
      t === used || row.loss[t] !== row.loss[start] || row.segments[t] !== row.segments[start]
    if (!ends) continue
    const text = decode(row.tokens.subarray(start, t))
    spans.push({ document: row.segments[start] ?? 0, learned: row.loss[start] === 1, text })
    start = t
  }
  return spans
}

/** First, middle and last row of the training set, as the model sees them. */
export const sampleRows = (
  { train }: PreparedDataset,
  decode: Renderer['decode'],
): readonly Sample[] => {
  const last = train.count - 1
  const rows = new Set(
    Array.from({ length: SAMPLES }, (_, index) => Math.floor((index * last) / (SAMPLES - 1))),
  )
  return [...rows].map(number => {
    const row = train.row(number)
    return { row: number, cut: (row.segments[SAMPLE_TOKENS] ?? 0) > 0, spans: spansOf(row, decode) }
  })
}
