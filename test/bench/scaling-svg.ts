/** Draws curves over doubling axes, speed above memory, one column for each thing that grows. */
import type { Curve, Point } from './scaling.ts'

const [PANEL_WIDTH, PANEL_HEIGHT] = [260, 170]
const [LEFT, TOP, GAP] = [64, 34, 70]

type Scale = (value: number) => number
type Row = { readonly label: string; readonly color: string; readonly of: (point: Point) => number }

const ROWS: readonly Row[] = [
  { label: 'tokens/s', color: '#2f6fb0', of: ({ tokensPerSecond }) => tokensPerSecond },
  { label: 'GB peak', color: '#b0582f', of: ({ peakBytes }) => peakBytes / 1e9 },
]

const short = (value: number) => String(Number(value.toPrecision(4)))

/** Ticks at powers of two around the values, so that equal ratios are equal distances. */
const ticksOf = (values: readonly number[]): readonly number[] => {
  const first = Math.floor(Math.log2(Math.min(...values)))
  const last = Math.max(first + 1, Math.ceil(Math.log2(Math.max(...values))))
  return Array.from({ length: last - first + 1 }, (_, i) => 2 ** (first + i))
}

const scaleOf = (ticks: readonly number[], from: number, to: number): Scale => {
  const [low, high] = [Math.log2(ticks[0]!), Math.log2(ticks.at(-1)!)]
  return value => from + ((Math.log2(value) - low) / (high - low)) * (to - from)
}

const panel = ({ title, points }: Curve, row: Row, left: number, top: number): string => {
  const bottom = top + PANEL_HEIGHT
  const ticks = ticksOf(points.map(row.of))
  const values = points.map(({ value }) => value)
  const x = scaleOf([Math.min(...values), Math.max(...values)], left, left + PANEL_WIDTH)
  const y = scaleOf(ticks, bottom, top)
  const at = points.map(point => [x(point.value), y(row.of(point))] as const)
  const path = at.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(' ')
  return [
    ...ticks.map(
      tick =>
        `<line x1="${left}" x2="${left + PANEL_WIDTH}" y1="${y(tick)}" y2="${y(tick)}" stroke="#ddd"/><text x="${left - 6}" y="${y(tick) + 4}" text-anchor="end">${short(tick)}</text>`,
    ),
    ...points.map(
      ({ value }) =>
        `<text x="${x(value)}" y="${bottom + 16}" text-anchor="middle">${value}</text>`,
    ),
    `<polyline points="${path}" fill="none" stroke="${row.color}" stroke-width="2"/>`,
    ...at.map(([px, py]) => `<circle cx="${px}" cy="${py}" r="3" fill="${row.color}"/>`),
    `<text x="${left}" y="${top - 10}" font-weight="bold">${row.label} by ${title}</text>`,
  ].join('')
}

export const scalingSvg = (curves: readonly Curve[]): string => {
  const width = LEFT + curves.length * (PANEL_WIDTH + GAP)
  const height = TOP + ROWS.length * (PANEL_HEIGHT + GAP)
  const panels = curves.flatMap((curve, column) =>
    ROWS.map((row, line) =>
      panel(curve, row, LEFT + column * (PANEL_WIDTH + GAP), TOP + line * (PANEL_HEIGHT + GAP)),
    ),
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11">`,
    '<title>Speed and memory of a training step as rows, adapter and model grow</title>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...panels,
    '</svg>\n',
  ].join('\n')
}
