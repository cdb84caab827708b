import { spawn } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { runStageProcess } from '../../fixtures/stage-process.ts'
import { writeTinyJob } from '../../fixtures/tiny-job.ts'

const MAIN = join(import.meta.dirname, '../../../trainer-image/src/main.ts')

t.test('a stage whose starter is gone saves and ends', async t => {
  const tiny = await writeTinyJob(t.testdir({}), spec => ({
    ...spec,
    training: { ...spec.training, maxSteps: 100_000 },
  }))
  await runStageProcess('prepare', tiny)
  const args = [MAIN, 'train', '--job', tiny.jobPath, '--workspace', tiny.workspace, '--no-server']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  child.on('message', message => {
    const { progress } = message as { progress: { training?: { step: number } } }
    if ((progress.training?.step ?? 0) >= 3 && child.connected) child.disconnect()
  })
  t.equal(await new Promise(resolve => child.once('exit', resolve)), 75)
})
