/** Two runs side by side, for people. */
import type { Change, Comparison, Measure } from '../published/compare-runs.ts'
import { signed, table } from './format.ts'

/** More rows than these are counted only; `-o json` has them all. */
const MAX_CHANGES = 60
const MAX_SLICES = 10
const MAX_WIDTH = 60

/** A file that anybody may have written must not steer the terminal. */
const printable = (text: string): string => {
  const plain = text
    .replace(/[\p{Cc}\u2028\u2029]/gu, '\ufffd')
    .replace(/\b([0-9a-f]{12})[0-9a-f]{4,}\b/g, '$1…')
  return plain.length > MAX_WIDTH ? `${plain.slice(0, MAX_WIDTH - 1)}…` : plain
}

const indented = (text: string): string => text.replace(/^/gm, '  ')

const section = (
  title: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  max: number,
  left: readonly number[],
): string[] => {
  if (rows.length === 0) return []
  const shown = [columns, ...rows.slice(0, max)].map(row => row.map(printable))
  const more = rows.length > max ? [`and ${rows.length - max} more`] : []
  return [[title, indented([table(shown, left), ...more].join('\n'))].join('\n')]
}

const changed =
  ({ before, after }: Comparison) =>
  (title: string, list: readonly Change[]): string[] =>
    section(
      title,
      ['', before.name, after.name],
      list.map(change => [change.name, change.before ?? '-', change.after ?? '-']),
      MAX_CHANGES,
      [0, 1, 2],
    )

const figure = (value: number | undefined): string =>
  value === undefined
    ? '-'
    : Math.abs(value) >= 1000
      ? Math.round(value).toLocaleString('en-US')
      : value.toFixed(3)

const measureRow = ({ name, before, after }: Measure): string[] => [
  name,
  figure(before),
  figure(after),
  before === undefined || after === undefined ? '-' : signed(after - before),
]

const measured =
  ({ before, after }: Comparison) =>
  (title: string, list: readonly Measure[], max = MAX_CHANGES): string[] =>
    section(title, ['', before.name, after.name, 'change'], list.map(measureRow), max, [0])

const heading = ({ before, after }: Comparison): string => {
  const jobs = before.job === after.job ? [before.job] : [before.job, after.job]
  const [older, newer] = [before.name, after.name].map(printable)
  return `${older} → ${newer} of ${jobs.map(printable).join(' and ')}`
}

const SAME = 'spec, base model and data are the same'

export const comparisonText = (comparison: Comparison): string => {
  const { spec, baseModel, data, madeBy, metrics, score } = comparison
  const told = changed(comparison)
  const figures = measured(comparison)
  const causes = [
    ...told('spec', spec),
    ...told('base model', baseModel),
    ...told('data', data),
    ...told('made by', madeBy),
  ]
  const nothing = spec.length + baseModel.length + data.length === 0
  return [
    heading(comparison),
    ...(nothing ? [SAME] : []),
    ...causes,
    ...figures('scores of the tuned model', [...metrics, score]),
    ...figures('scores of the base model', comparison.baseMetrics),
    ...figures('slices that changed most', comparison.slices, MAX_SLICES),
    ...figures('training', comparison.training),
  ].join('\n\n')
}
