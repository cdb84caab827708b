/** Where two texts part: what they share at both ends, and what lies between. */

export type Difference = {
  readonly before: string
  readonly changed: string
  readonly after: string
}

/** @returns `text` in three parts; the outer ones stand at the ends of `other` too */
export const difference = (text: string, other: string): Difference => {
  const [mine, theirs] = [[...text], [...other]]
  const shorter = Math.min(mine.length, theirs.length)
  let start = 0
  while (start < shorter && mine[start] === theirs[start]) start++
  let end = 0
  while (end < shorter - start && mine.at(-1 - end) === theirs.at(-1 - end)) end++
  return {
    before: mine.slice(0, start).join(''),
    changed: mine.slice(start, mine.length - end).join(''),
    after: mine.slice(mine.length - end).join(''),
  }
}
