import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { writeTinyJob } from '../../../fixtures/tiny-job.ts'

const MAIN = join(import.meta.dirname, '../../../../cli/src/main.ts')

/** JSON is YAML. */
const manifest = (spec: object) =>
  JSON.stringify({
    apiVersion: 'attune.dev/v1alpha1',
    kind: 'InstructionTuningJob',
    metadata: { name: 'tiny' },
    spec,
  })

t.test('a terminal that closes leaves a checkpoint', async t => {
  const folder = t.testdir({})
  const { spec } = await writeTinyJob(folder, whole => ({
    ...whole,
    training: { ...whole.training, maxSteps: 100_000, checkpoint: { everySteps: 50_000 } },
  }))
  const file = join(folder, 'job.yaml')
  writeFileSync(file, manifest(spec))
  const workspace = join(folder, 'workspace')
  // a process group of its own, as a terminal gives its foreground job
  const child = spawn(process.execPath, [MAIN, 'run', file, '--workspace', workspace], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  const pid = child.pid ?? 0
  const ended = once(child, 'exit')
  t.teardown(() => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-pid, 'SIGKILL')
  })
  let said = ''
  for await (const chunk of child.stderr) {
    said += chunk
    // leaving the loop closes the pipe: nobody reads any more
    if (/train .* tokens\/s/.test(said)) break
  }
  process.kill(-pid, 'SIGHUP')
  t.strictSame(await ended, [75, null], said)
  const [course = ''] = readdirSync(join(workspace, 'train'))
  t.match(readdirSync(join(workspace, 'train', course, 'checkpoints')), [/^step-/])
  t.match(readFileSync(join(workspace, 'runs.json'), 'utf8'), /"outcome":\s*"Stopped"/)
  t.notOk(existsSync(join(workspace, 'lock')))
})
