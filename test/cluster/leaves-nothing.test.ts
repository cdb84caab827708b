import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import t from 'tap'
import { runPod } from '../fixtures/cluster/running-pod.ts'
import { leftSince, machineState } from './machine-state.ts'
import { startCluster } from './node.ts'
import { repositoryFolder } from './paths.ts'
import { cleanCrashedRuns } from './run-record.ts'

t.test('a stopped cluster leaves nothing, its pods included', async t => {
  const before = await machineState()
  const cluster = await startCluster()
  t.teardown(() => cluster.stop())
  await runPod(cluster)
  await cluster.stop()
  t.strictSame(await leftSince(before), [])
})

t.test('a killed run leaves nothing once another run has looked', async t => {
  const before = await machineState()
  const crash = join(repositoryFolder, 'test', 'fixtures', 'cluster', 'crash.ts')
  const child = spawn(process.execPath, [crash], { stdio: ['ignore', 'pipe', 'inherit'] })
  const said: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => said.push(chunk))
  await once(child, 'close')
  t.equal(child.signalCode, 'SIGKILL')
  t.match(Buffer.concat(said).toString(), 'the pod is running')
  t.match((await leftSince(before)).join('\n'), 'interface attune0', 'the crash leaves much')
  await cleanCrashedRuns()
  t.strictSame(await leftSince(before), [])
})
