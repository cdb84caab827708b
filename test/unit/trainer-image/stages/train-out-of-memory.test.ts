import t from 'tap'
import { runStageProcess } from '../../../fixtures/stage-process.ts'
import { writeTinyJob } from '../../../fixtures/tiny-job.ts'

const EXHAUSTED = new URL('../../../fixtures/exhausted-onnxruntime.ts', import.meta.url)

t.test('a training whose device has no memory left says so, and may be tried again', async t => {
  const tiny = await writeTinyJob(t.testdir({}))
  const prepared = await runStageProcess('prepare', tiny)
  t.equal(prepared.exitCode, 0, 'exit code', { stderr: prepared.stderr })
  const before = process.env['NODE_OPTIONS']
  process.env['NODE_OPTIONS'] = `--import=${EXHAUSTED.href}`
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_OPTIONS']
    else process.env['NODE_OPTIONS'] = before
  })
  const { exitCode, result, stderr } = await runStageProcess('train', tiny)
  t.equal(exitCode, 79, 'exit code', { stderr })
  t.match(result, {
    outcome: 'Failed',
    reason: 'OutOfMemory',
    message:
      /ran out \(Failed to allocate memory for requested buffer of size 939524096\); lower training\.microBatchSize/,
  })
})
