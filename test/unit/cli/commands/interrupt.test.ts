import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { isRunning } from '../../../../cli/src/workspace/process-identity.ts'
import { attune, callsIn, jobIn, trainWaits } from '../../../fixtures/cli/attune.ts'
import { eventually } from '../../../fixtures/cluster/eventually.ts'

t.test('Ctrl-C stops with a checkpoint, and the same command goes on from it', async t => {
  const folder = t.testdir()
  const file = jobIn(folder)
  const first = attune(['run', file], { FAKE_WAIT: 'yes' })
  await trainWaits(folder)
  first.kill('SIGINT')
  const stopped = await first.ended
  t.equal(stopped.code, 75)
  t.match(stopped.stderr, 'stopped at step 3; run the same command to go on')

  const second = await attune(['run', file]).ended
  t.equal(second.code, 0, second.stderr)
  t.match(second.stderr, /run 1 of home goes on/)
  const result = readFileSync(join(folder, '.attune/home/results/train.json'), 'utf8')
  t.match(JSON.parse(result), { training: { startedFrom: 3 } })
  t.strictSame(callsIn(folder).slice(-4), ['prepare 1', 'train 1', 'evaluate 1', 'publish 1'])
})

t.test('one Ctrl-C that comes twice, as through npx, does not kill', async t => {
  const folder = t.testdir()
  const running = attune(['run', jobIn(folder)], { FAKE_WAIT: 'yes' })
  await trainWaits(folder)
  running.kill('SIGINT')
  running.kill('SIGTERM')
  t.equal((await running.ended).code, 75)
})

t.test('SIGTERM stops in the same way', async t => {
  const folder = t.testdir()
  const running = attune(['run', jobIn(folder)], { FAKE_WAIT: 'yes' })
  await trainWaits(folder)
  running.kill('SIGTERM')
  t.equal((await running.ended).code, 75)
})

t.test('a second Ctrl-C kills a stage that does not stop', async t => {
  const folder = t.testdir()
  const running = attune(['run', jobIn(folder)], { FAKE_WAIT: 'deaf' })
  const stage = await trainWaits(folder)
  running.kill('SIGINT')
  await running.said('stopping: ')
  await setTimeout(300)
  running.kill('SIGINT')
  const { code, stderr } = await running.ended
  t.equal(code, 130)
  t.match(stderr, /killed at step 3; run the same command to go on from the last checkpoint/)
  t.notOk(isRunning({ pid: stage }), 'the stage is gone')
  t.notOk(existsSync(join(folder, '.attune/home/lock')))
})

t.test('two commands do not work in one workspace', async t => {
  const folder = t.testdir()
  const file = jobIn(folder)
  const first = attune(['run', file], { FAKE_WAIT: 'yes' })
  await trainWaits(folder)
  const second = await attune(['plan', file]).ended
  t.equal(second.code, 1)
  t.match(second.stderr, `process ${first.pid} has worked here since`)
  first.kill('SIGINT')
  t.equal((await first.ended).code, 75)
})

t.test('a stage whose command was killed keeps the workspace', async t => {
  const folder = t.testdir()
  const file = jobIn(folder)
  const first = attune(['run', file], { FAKE_WAIT: 'yes' })
  const stage = await trainWaits(folder)
  t.teardown(() => {
    if (isRunning({ pid: stage })) process.kill(stage, 'SIGKILL')
  })
  first.kill('SIGKILL')
  await first.ended
  const refused = await attune(['run', file]).ended
  t.match(refused.stderr, `process ${stage}, a stage whose command was killed`)

  process.kill(stage, 'SIGTERM')
  await eventually(() => {
    if (isRunning({ pid: stage })) throw new Error('the stage still runs')
  })
  const { code, stderr } = await attune(['run', file]).ended
  t.equal(code, 0, stderr)
  t.match(stderr, /run 1 of home goes on/)
})
