/** Counts assertions in the raw TAP that tap writes beside its report. */
import { createReadStream, existsSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { Parser } from 'tap-parser'

export type Counts = {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export const noCounts: Counts = { passed: 0, failed: 0, skipped: 0 }

export const plus = (a: Counts, b: Counts): Counts => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
})

type Tally = { passed: number; failed: number; skipped: number }

const all = ({ passed, failed, skipped }: Counts): number => passed + failed + skipped

/** The line after a subtest sums it up: it counts only for what the subtest did not tell. */
const tallyInto = (parser: Parser, tally: Tally): void => {
  let beforeChild: Counts | undefined
  parser.on('child', child => {
    beforeChild = { ...tally }
    tallyInto(child, tally)
  })
  parser.on('assert', ({ ok, skip, todo }) => {
    const before = beforeChild
    beforeChild = undefined
    const isToldOk = before !== undefined && ok && all(tally) > all(before)
    const isToldFailed = before !== undefined && tally.failed > before.failed
    if (isToldOk || isToldFailed) return
    if (skip) tally.skipped += 1
    else if (ok) tally.passed += 1
    else if (!todo) tally.failed += 1
  })
}

export const countTap = async (file: string): Promise<Counts> => {
  if (!existsSync(file)) return noCounts
  const tally: Tally = { ...noCounts }
  const parser = new Parser()
  tallyInto(parser, tally)
  await pipeline(createReadStream(file), parser)
  return tally
}
