/** Ends the cluster that `cluster:up` started, and removes what crashed runs left. */
import process from 'node:process'
import { clusterRunName } from './node/addresses.ts'
import { cleanCrashedRuns, cleanRun, runNames } from './run-record.ts'
import { say } from './say.ts'

try {
  await cleanCrashedRuns()
  if (runNames().includes(clusterRunName)) {
    await cleanRun(clusterRunName)
    say('the cluster is down')
  } else {
    say('no cluster is up')
  }
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
