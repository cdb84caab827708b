/** The last test of a run: the machine is as it was. */
import process from 'node:process'
import { leftSince, machineState } from '../cluster/machine-state.ts'
import { cleanCrashedRuns } from '../cluster/run-record.ts'
import { type Counts, noCounts } from './counts.ts'

export const rememberMachine = async (): Promise<ReadonlySet<string>> => {
  if (process.platform !== 'linux') return new Set()
  await cleanCrashedRuns()
  return machineState()
}

export const leftBehind = async (before: ReadonlySet<string>): Promise<Counts> => {
  if (process.platform !== 'linux') return noCounts
  // A test file that was killed by its time limit had no chance to.
  await cleanCrashedRuns()
  const left = await leftSince(before)
  if (left.length === 0) return { ...noCounts, passed: 1 }
  process.stdout.write(`the tests left on this machine:\n- ${left.join('\n- ')}\n`)
  return { ...noCounts, failed: 1 }
}
