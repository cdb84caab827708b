/** Answers already given, kept so that an interrupted evaluation does not give them again. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomically } from '../atomic-file.ts'

/** Answers of one model to one suite, with what it took. */
export type GivenAnswers = {
  readonly answers: readonly string[]
  readonly tokens: number
  readonly seconds: number
}

const MAX_BYTES = 2 ** 30

const isGiven = (value: unknown, count: number): value is GivenAnswers => {
  if (typeof value !== 'object' || value === null) return false
  const { answers, tokens, seconds } = value as Record<string, unknown>
  return (
    Array.isArray(answers) &&
    answers.length === count &&
    answers.every(answer => typeof answer === 'string') &&
    Number.isFinite(tokens) &&
    Number.isFinite(seconds)
  )
}

const pathOf = (folder: string, suite: string, model: string) =>
  join(folder, `answers-${suite}-${model}.json`)

/** @returns the saved answers, or undefined where there are none that fit */
export const loadAnswers = async (
  folder: string,
  suite: string,
  model: string,
  count: number,
): Promise<GivenAnswers | undefined> => {
  const path = pathOf(folder, suite, model)
  const size = await stat(path).then(
    found => found.size,
    () => Number.POSITIVE_INFINITY,
  )
  if (size > MAX_BYTES) return undefined
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isGiven(value, count) ? value : undefined
  } catch {
    // a file that cannot be read costs only the time to answer again
    return undefined
  }
}

export const saveAnswers = (
  folder: string,
  suite: string,
  model: string,
  given: GivenAnswers,
): Promise<void> => writeFileAtomically(pathOf(folder, suite, model), JSON.stringify(given))
