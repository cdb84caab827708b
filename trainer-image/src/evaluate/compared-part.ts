/** The part of a text that counts, where a suite names what it stands behind: the result behind `####` in GSM8K. */

/** @returns what stands behind the last `marker`, to the end of its line; undefined where there is none */
const behind = (text: string, marker: string): string | undefined => {
  const at = text.lastIndexOf(marker)
  if (at < 0) return undefined
  const rest = text.slice(at + marker.length)
  // what follows the marker may be white space with the result behind it
  const [line = ''] = rest.trimStart().split(/\r?\n/, 1)
  return line.trim()
}

export type Compared = { readonly answer: string; readonly reference: string }

/**
 * A reference without the marker is compared whole.
 * @returns undefined where the reference has the marker and the answer has none: it does not count as one
 */
export const comparedParts = (
  { answer, reference }: Compared,
  marker: string | undefined,
): Compared | undefined => {
  const wanted = marker === undefined ? undefined : behind(reference, marker)
  if (marker === undefined || wanted === undefined) return { answer, reference }
  const given = behind(answer, marker)
  return given === undefined ? undefined : { answer: given, reference: wanted }
}
