/** Turns tap's raw output into a line a file, the failures in full, and counts. */
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Parser, type Result } from 'tap-parser'
import { stringify } from 'yaml'
import type { Counts } from './counts.ts'

type Tally = { passed: number; failed: number; skipped: number }

type Listener = {
  readonly tally: Tally
  onFailure(names: readonly string[], result: Result): void
}

const all = ({ passed, failed, skipped }: Counts): number => passed + failed + skipped

/** The line after a subtest sums it up: it counts only for what the subtest did not tell. */
const listen = (parser: Parser, names: readonly string[], listener: Listener): void => {
  const { tally, onFailure } = listener
  let beforeChild: Counts | undefined
  parser.on('child', child => {
    beforeChild = { ...tally }
    listen(child, [...names, child.name], listener)
  })
  parser.on('assert', result => {
    const before = beforeChild
    beforeChild = undefined
    const { ok, skip, todo } = result
    const isToldOk = before !== undefined && ok && all(tally) > all(before)
    const isToldFailed = before !== undefined && tally.failed > before.failed
    if (isToldOk || isToldFailed) return
    if (skip) tally.skipped += 1
    else if (ok) tally.passed += 1
    else if (!todo) {
      tally.failed += 1
      onFailure([...names, result.name], result)
    }
  })
}

const failureText = (names: readonly string[], { diag }: Result): string => {
  const detail = diag ? `\n${stringify(diag).trimEnd().replaceAll(/^/gm, '      ')}` : ''
  return `    ${names.join(' > ')}${detail}\n`
}

const seconds = (result: Result): string =>
  result.time === undefined || result.time === null ? '' : ` (${(result.time / 1000).toFixed(1)} s)`

/** Reads TAP to its end, printing as it comes. */
export const reportTap = async (tap: Readable, print: (text: string) => void): Promise<Counts> => {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 }
  const failures: string[] = []
  const parser = new Parser()
  listen(parser, [], {
    tally,
    onFailure: (names, result) => failures.push(failureText(names, result)),
  })
  parser.on('assert', result => {
    print(`${result.ok ? 'ok' : 'FAILED'} ${result.name}${seconds(result)}\n`)
    for (const text of failures.splice(0)) print(text)
  })
  await pipeline(tap, parser)
  return { ...tally }
}
