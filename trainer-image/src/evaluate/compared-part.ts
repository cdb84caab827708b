/** The part of a text that counts, where a suite names what it stands behind: the result behind `####` in GSM8K. */

/** @returns what stands behind the last `marker` in its line; undefined where there is nothing */
const behind = (text: string, marker: string): string | undefined => {
  const at = text.lastIndexOf(marker)
  if (at < 0) return undefined
  const [line = ''] = text.slice(at + marker.length).split(/\r?\n/, 1)
  return line.trim() || undefined
}

/** 2,125 · $18 · -3.50 · 18. */
const NUMBER = /^(-?)\$?(-?\d{1,3}(?:,\d{3})+|-?\d+)(\.\d*)?$/

/** @returns a number as it is written without separators and currency, so that 2,125 is 2125; other text as it is */
const plain = (text: string): string => {
  const [, minus = '', whole = '', fraction = ''] = NUMBER.exec(text) ?? []
  return whole === '' ? text : String(Number(`${minus}${whole.replaceAll(',', '')}${fraction}`))
}

export type Compared = { readonly answer: string; readonly reference: string }

/**
 * A reference without the marker is compared whole.
 * @returns undefined where the reference has a result and the answer has none: it does not count as one
 */
export const comparedParts = (
  { answer, reference }: Compared,
  marker: string | undefined,
): Compared | undefined => {
  const wanted = marker === undefined ? undefined : behind(reference, marker)
  if (marker === undefined || wanted === undefined) return { answer, reference }
  const given = behind(answer, marker)
  return given === undefined ? undefined : { answer: plain(given), reference: plain(wanted) }
}
