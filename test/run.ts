/** Runs the tests part by part: `node test/run.ts [unit|control-plane|cluster]…`, all by default. */
import process from 'node:process'
import { type Counts, noCounts, plus } from './run/counts.ts'
import { leftBehind, rememberMachine } from './run/machine.ts'
import { isPartName, type PartName, partNames, unmetNeeds } from './run/parts.ts'
import { runPart } from './run/part.ts'
import { buildTapPlugins } from './run/tap-program.ts'

const partsOf = (args: readonly string[]): readonly PartName[] => {
  const unknown = args.filter(arg => !isPartName(arg))
  if (unknown.length > 0) {
    throw new Error(`unknown part ${unknown.join(', ')}: name some of ${partNames.join(', ')}`)
  }
  return args.length === 0 ? partNames : partNames.filter(name => args.includes(name))
}

const runParts = async (parts: readonly PartName[], signal: AbortSignal): Promise<Counts> => {
  let total = noCounts
  for (const part of parts) {
    if (signal.aborted) break
    total = plus(total, await runPart(part, signal))
  }
  return total
}

const print = (line: string): boolean => process.stdout.write(`${line}\n`)

const main = async (): Promise<number> => {
  const parts = partsOf(process.argv.slice(2))
  const unmet = unmetNeeds(parts)
  if (unmet.length > 0) {
    print(`the parts ${parts.join(', ')} cannot run here:\n- ${unmet.join('\n- ')}`)
    if (parts.includes('unit')) print('`npm run test:unit` needs none of this')
    return 1
  }
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => stop.abort(new Error(`stopped by ${name}`)))
  }
  await buildTapPlugins()
  const before = await rememberMachine()
  const counts = plus(await runParts(parts, stop.signal), await leftBehind(before))
  if (counts.skipped > 0) print(`${counts.skipped} skipped`)
  print(`${counts.passed} passed, ${counts.failed} failed`)
  return counts.failed > 0 || counts.passed === 0 || stop.signal.aborted ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
