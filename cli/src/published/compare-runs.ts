/** What changed between two published runs, and what came of it. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { Pair, PublishedRun, Source } from './read-run.ts'

/** Absent on the side that lacks it. */
export type Change = {
  readonly name: string
  readonly before?: string
  readonly after?: string
}
export type Measure = {
  readonly name: string
  readonly before?: number
  readonly after?: number
}

export type Comparison = {
  readonly before: Pick<PublishedRun, 'name' | 'job' | 'publishedAt'>
  readonly after: Pick<PublishedRun, 'name' | 'job' | 'publishedAt'>
  readonly spec: readonly Change[]
  readonly baseModel: readonly Change[]
  readonly data: readonly Change[]
  readonly madeBy: readonly Change[]
  readonly score: Measure
  /** tuned values by `<suite>/<metric>` */
  readonly metrics: readonly Measure[]
  /** base values that differ, by `<suite>/<metric>` */
  readonly baseMetrics: readonly Measure[]
  /** tuned values by `<suite>/<metric> <slice>`, the largest change first */
  readonly slices: readonly Measure[]
  readonly training: readonly Measure[]
}

type Table<T> = Readonly<Record<string, T>>

/** Deeper than any spec is. */
const MAX_DEPTH = 32

const entries = (
  value: unknown,
  path: string,
  depth: number,
): readonly (readonly [string, string])[] => {
  if (depth > MAX_DEPTH) return [[path, '…']]
  if (value === null || typeof value !== 'object') return [[path, canonicalJson(value)]]
  const parts = Array.isArray(value)
    ? value.map((item, i) => [`${path}[${i}]`, item] as const)
    : Object.entries(value).map(([key, item]) => [path ? `${path}.${key}` : key, item] as const)
  if (parts.length === 0) return [[path, canonicalJson(value)]]
  return parts.flatMap(([name, item]) => entries(item, name, depth + 1))
}

/** Leaves of a value by their path: `training.learningRate`, `dataset.sources[0].uri`. */
const leaves = (value: object): Table<string> => Object.fromEntries(entries(value, '', 0))

const names = (before: object, after: object): readonly string[] => [
  ...new Set([...Object.keys(before), ...Object.keys(after)]),
]

const ofBoth = <T>(before: Table<T>, after: Table<T>) =>
  names(before, after).map(name => {
    const [one, other] = [before[name], after[name]]
    return {
      name,
      ...(one === undefined ? {} : { before: one }),
      ...(other === undefined ? {} : { after: other }),
    }
  })

const changes = (before: Table<string>, after: Table<string>): readonly Change[] =>
  ofBoth(before, after).filter(change => change.before !== change.after)

const identity = ({ revision, digest }: Source): string =>
  [revision && `revision ${revision}`, digest && `sha256 ${digest.replace(/^sha256:/, '')}`]
    .filter(Boolean)
    .join(', ') || 'no digest'

const byUri = (sources: readonly Source[]): Table<string> =>
  Object.fromEntries(sources.map(source => [source.uri, identity(source)]))

const valuesOf = (table: Table<Table<Pair>>, side: keyof Pair): Table<number> =>
  Object.fromEntries(
    Object.entries(table).flatMap(([suite, metrics]) =>
      Object.entries(metrics).map(([metric, pair]) => [`${suite}/${metric}`, pair[side]]),
    ),
  )

const slicesOf = ({ slices }: PublishedRun): Table<number> =>
  Object.fromEntries(
    Object.entries(slices).flatMap(([suite, metrics]) =>
      Object.entries(metrics).flatMap(([metric, bySlice]) =>
        Object.entries(bySlice).map(([slice, pair]) => [`${suite}/${metric} ${slice}`, pair.tuned]),
      ),
    ),
  )

const differ = ({ before, after }: Measure): boolean => before !== after
const size = ({ before, after }: Measure): number =>
  before === undefined || after === undefined ? 0 : Math.abs(after - before)

const head = ({ name, job, publishedAt }: PublishedRun) => ({ name, job, publishedAt })

export const compareRuns = (before: PublishedRun, after: PublishedRun): Comparison => ({
  before: head(before),
  after: head(after),
  spec: changes(leaves(before.spec), leaves(after.spec)),
  baseModel: changes(byUri([before.baseModel]), byUri([after.baseModel])),
  data: changes(byUri(before.data), byUri(after.data)),
  madeBy: changes(before.madeBy, after.madeBy),
  score: { name: 'score', before: before.score, after: after.score },
  metrics: ofBoth(valuesOf(before.evaluation, 'tuned'), valuesOf(after.evaluation, 'tuned')),
  baseMetrics: ofBoth(
    valuesOf(before.evaluation, 'base'),
    valuesOf(after.evaluation, 'base'),
  ).filter(differ),
  slices: ofBoth(slicesOf(before), slicesOf(after))
    .filter(differ)
    .sort((a, b) => size(b) - size(a)),
  training: ofBoth(before.training, after.training).filter(differ),
})
