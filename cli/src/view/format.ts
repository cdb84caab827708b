/** Numbers for people, and names that others gave. */
import { printable } from '@attune/crds/printable.ts'

/** A name from outside: it neither steers the terminal nor begins a line of its own. */
export const oneLine = (name: string): string => printable(name).replace(/[\t\n]/g, '\ufffd')

export const count = (value: number): string => Math.round(value).toLocaleString('en-US')

const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

export const bytes = (value: number): string => {
  const step = Math.min(
    BINARY_UNITS.length - 1,
    Math.max(0, Math.floor(Math.log2(Math.max(1, value)) / 10)),
  )
  const scaled = value / 1024 ** step
  return `${scaled.toFixed(step === 0 || scaled >= 100 ? 0 : 1)} ${BINARY_UNITS[step]}`
}

/** `4.2 s`, `2 min 10 s`, `1 h 5 min` */
export const duration = (seconds: number): string => {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

export const score = (value: number): string => value.toFixed(3)

export const signed = (value: number): string => `${value < 0 ? '' : '+'}${value.toFixed(3)}`

/** Columns padded to their widest cell; the first is flush left, the others flush right unless named. */
export const table = (
  rows: readonly (readonly string[])[],
  left: readonly number[] = [0],
): string => {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map(row => row[i]?.length ?? 0)))
  return rows
    .map(row =>
      row
        .map((text, i) =>
          left.includes(i) ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
