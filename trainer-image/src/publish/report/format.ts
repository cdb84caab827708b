/** Figures as people read them. */

const MINUS = '\u2212'
const THIN_SPACE = '\u202f'

/** 1234567 → 1 234 567, with thin spaces that do not break */
export const count = (value: number): string =>
  String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, THIN_SPACE)

/** 0.9412 → 94.1 % */
export const percent = (value: number, digits = 1): string =>
  `${(100 * value).toFixed(digits)}${THIN_SPACE}%`.replace('-', MINUS)

/** 0.9 → +90.0, in percentage points */
export const points = (difference: number): string => {
  const text = Math.abs(100 * difference).toFixed(1)
  if (text === '0.0') return '0.0'
  return `${difference < 0 ? MINUS : '+'}${text}`
}

/** At most four significant digits: 0.04321, 12.35, 2.0e−4 */
export const figure = (value: number): string => {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size !== 0 && size < 1e-3) return value.toExponential(1).replaceAll('-', MINUS)
  if (size >= 1e4) return count(value)
  const text = size >= 100 ? value.toFixed(0) : value.toPrecision(size < 1 ? 3 : 4)
  return text.replace('-', MINUS)
}

/** 4523 s → 1 h 15 min */
export const duration = (seconds: number): string => {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) {
    const rest = Math.round(seconds - 60 * Math.floor(seconds / 60))
    return seconds < 600 && rest < 60
      ? `${Math.floor(seconds / 60)} min ${rest} s`
      : `${minutes} min`
  }
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const METRIC_NAMES: Readonly<Record<string, string>> = {
  exactMatch: 'Exact match',
  tokenF1: 'Token F1',
}
export const metricName = (metric: string): string => METRIC_NAMES[metric] ?? metric
