/** Draws a profile as a picture of nested bars: as wide as its share of the step's time, what it is made of below it. */
import { groupPlaces, PHASES, type Place, type Profile } from './profile.ts'

const WIDTH = 1200
const BAR = 19
const MARGIN = 16
const TITLE = 26
/** Narrower bars could not be seen. */
const MIN_WIDTH = 0.4
const LETTER = 6.6

const KINDS = [
  { name: 'matrix products', color: '#8fb8de', operators: /MatMul|Gemm/ },
  {
    name: 'movement',
    color: '#f0c27b',
    operators: /^(Transpose|Reshape|Concat|Split|Slice|Pad|Gather|Scatter|Expand|Identity|Cast)/,
  },
  {
    name: 'reductions and norms',
    color: '#a8d5a2',
    operators: /Softmax|Reduce|Normalization|ArgMax/,
  },
  { name: 'element by element', color: '#d9b3d9', operators: /./ },
] as const
const GROUP_COLOR = '#e4e4e4'

type Level = (place: Place) => string

type Bar = {
  readonly label: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly color: string
  readonly title: string
}

const xml = (text: string) => text.replace(/[&<>"]/g, letter => `&#${letter.charCodeAt(0)};`)

const time = (seconds: number) =>
  seconds < 1 ? `${(1000 * seconds).toFixed(1)} ms` : `${seconds.toFixed(2)} s`

const colorOf = (operator: string): string =>
  KINDS.find(({ operators }) => operators.test(operator))!.color

/** Phases and layers as they follow each other. */
const inSequence = (places: readonly Place[]): readonly Place[] =>
  places.toSorted(
    (a, b) =>
      PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase) ||
      a.layer.localeCompare(b.layer, 'en', { numeric: true }) ||
      b.seconds - a.seconds,
  )

/** Parts in the order of their first place. */
const inOrder = (places: readonly Place[], level: Level) => {
  const names = [...new Set(places.map(level))]
  return names.map(name => ({ name, places: places.filter(place => level(place) === name) }))
}

const secondsOf = (places: readonly Place[]) =>
  places.reduce((sum, { seconds }) => sum + seconds, 0)

type Panel = { readonly scale: number; readonly total: number; readonly operatorAt: number }

const barsOf = (
  places: readonly Place[],
  levels: readonly Level[],
  panel: Panel,
  at: { readonly x: number; readonly y: number; readonly depth: number },
): readonly Bar[] => {
  const [level, ...deeper] = levels
  if (!level) return []
  let x = at.x
  return inOrder(places, level).flatMap(({ name, places: inside }) => {
    const seconds = secondsOf(inside)
    const width = seconds * panel.scale
    const left = x
    x += width
    if (width < MIN_WIDTH) return []
    const share = ((100 * seconds) / panel.total).toFixed(1)
    const bar = {
      label: name,
      x: left,
      y: at.y,
      width,
      color: at.depth === panel.operatorAt ? colorOf(name) : GROUP_COLOR,
      title: `${name}: ${time(seconds)}, ${share} %`,
    }
    // a level that does not divide is left out
    const below = { x: left, y: name === '' ? at.y : at.y + BAR, depth: at.depth + 1 }
    return [...(name === '' ? [] : [bar]), ...barsOf(inside, deeper, panel, below)]
  })
}

/** As much of a name as there is room for; of `layers.12` the number says enough. */
const labelIn = (label: string, width: number): string => {
  const letters = Math.floor((width - 4) / LETTER)
  if (label.length <= letters) return label
  const last = label.slice(label.lastIndexOf('.') + 1)
  if (last.length <= letters) return last
  return letters < 3 ? '' : label.slice(0, letters)
}

const drawBar = ({ label, x, y, width, color, title }: Bar): string => {
  const shown = labelIn(label, width)
  const text = shown && `<text x="${(x + 2).toFixed(1)}" y="${y + 13}">${xml(shown)}</text>`
  const size = `width="${Math.max(width - 0.3, 0.3).toFixed(1)}" height="${BAR - 1}"`
  return `<g><title>${xml(title)}</title><rect x="${x.toFixed(1)}" y="${y}" ${size} fill="${color}"/>${text}</g>`
}

const legend = (y: number): string =>
  KINDS.map(
    ({ name, color }, i) =>
      `<rect x="${MARGIN + 190 * i}" y="${y}" width="12" height="12" fill="${color}"/><text x="${MARGIN + 190 * i + 18}" y="${y + 10}">${name}</text>`,
  ).join('')

/** @returns a picture that needs nothing beside it */
export const flameSvg = (profile: Profile): string => {
  const total = profile.seconds
  const scale = (WIDTH - 2 * MARGIN) / total
  const byPlace: readonly Level[] = [
    ({ phase }) => phase,
    ({ layer }) => layer,
    ({ part }) => part,
    ({ operator }) => operator,
  ]
  const byOperator: readonly Level[] = [
    ({ operator }) => operator,
    ({ phase }) => phase,
    ({ part, layer }) => part || layer,
  ]
  const largest = groupPlaces(profile.places, byOperator[0]!).map(({ name }) => name)
  const sorted = profile.places.toSorted(
    (a, b) => largest.indexOf(a.operator) - largest.indexOf(b.operator),
  )
  const panel = (operatorAt: number) => ({ scale, total, operatorAt })
  const top = 2 * TITLE + MARGIN
  const second = top + 4 * BAR + 2 * TITLE
  const bars = [
    ...barsOf(inSequence(profile.places), byPlace, panel(3), { x: MARGIN, y: top, depth: 0 }),
    ...barsOf(sorted, byOperator, panel(0), { x: MARGIN, y: second, depth: 0 }),
  ]
  const height = second + 3 * BAR + TITLE + MARGIN
  const title = `A step of ${time(total)}; the gap at the right is time between operators`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="ui-monospace, monospace" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="${MARGIN}" y="${TITLE}" font-size="15">${title}</text>`,
    `<text x="${MARGIN}" y="${top - 8}" font-size="13">By phase, layer, part and operator</text>`,
    `<text x="${MARGIN}" y="${second - 8}" font-size="13">By operator, phase and part</text>`,
    ...bars.map(drawBar),
    legend(height - TITLE),
    '</svg>\n',
  ].join('\n')
}
