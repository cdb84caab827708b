/** What is not as it was when a run was published; pure. */
import type { SourceDigest } from '@attune/trainer/publish/provenance.ts'
import type { Recorded } from './read-provenance.ts'

type Surroundings = Pick<Recorded, 'versions' | 'machine'>

/** @returns a line for each program or part of the machine that is another one */
export const otherSurroundings = (recorded: Surroundings, here: Surroundings): readonly string[] =>
  (['versions', 'machine'] as const).flatMap(part => {
    const [before, now]: Readonly<Record<string, string>>[] = [recorded[part], here[part]]
    return Object.keys(now!)
      .filter(name => before![name] !== now![name])
      .map(name => `${name} was ${before![name] ?? 'not noted'}, here it is ${now![name]}`)
  })

type Sources = Pick<Recorded, 'baseModel' | 'startAdapter' | 'data'>

const differs = (what: string, before: SourceDigest, now: SourceDigest | undefined) => {
  if (before.digest !== undefined && before.digest === now?.digest) return []
  const had = before.digest === undefined ? 'of no noted content' : `sha256 ${before.digest}`
  return [`${what} ${before.uri} was ${had}, now it is ${now?.digest ?? 'not there'}`]
}

/** @returns a line for each source whose content is another one */
export const otherSources = (recorded: Sources, found: Sources): readonly string[] => [
  ...differs('model', recorded.baseModel, found.baseModel),
  ...(recorded.startAdapter ? differs('adapter', recorded.startAdapter, found.startAdapter) : []),
  ...recorded.data.flatMap((source, i) => differs('data', source, found.data[i])),
]
