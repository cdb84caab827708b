import t from 'tap'
import { sleep } from '../../../../operator/src/kube/clock.ts'
import { startDeadline } from '../../../../operator/src/kube/deadline.ts'
import { manualClock } from '../../../fixtures/kube/manual-clock.ts'

t.test('sleep', async t => {
  await t.test('ends after its time, not before', async t => {
    const clock = manualClock()
    let over = false
    const slept = sleep(clock, 1000).then(() => {
      over = true
    })
    await clock.advance(999)
    t.equal(over, false)
    await clock.advance(1)
    t.equal(over, true)
    await slept
  })

  await t.test('rejects with the reason of its signal and leaves no timer', async t => {
    const clock = manualClock()
    const controller = new AbortController()
    const slept = sleep(clock, 1000, controller.signal)
    controller.abort(new Error('enough'))
    await t.rejects(slept, { message: 'enough' })
    t.equal(clock.timers, 0)
  })

  await t.test('rejects at once where the signal is aborted already', async t => {
    const clock = manualClock()
    await t.rejects(sleep(clock, 1000, AbortSignal.abort(new Error('before'))), {
      message: 'before',
    })
    t.equal(clock.timers, 0)
  })
})

t.test('a deadline', async t => {
  await t.test('aborts when its time is over and says so', async t => {
    const clock = manualClock()
    const deadline = startDeadline(clock, 1000, undefined, 'too late')
    await clock.advance(1000)
    t.equal(deadline.isOver(), true)
    t.match(deadline.signal.reason, { message: 'too late' })
  })

  await t.test('aborts with its parent, which is not the time being over', t => {
    const parent = new AbortController()
    const deadline = startDeadline(manualClock(), 1000, parent.signal, 'too late')
    parent.abort(new Error('stop'))
    t.match(deadline.signal.reason, { message: 'stop' })
    t.equal(deadline.isOver(), false)
    t.end()
  })

  await t.test('lets go of timer and parent when released', async t => {
    const clock = manualClock()
    const parent = new AbortController()
    const deadline = startDeadline(clock, 1000, parent.signal, 'too late')
    deadline.release()
    parent.abort()
    await clock.advance(2000)
    t.equal(deadline.signal.aborted, false)
    t.equal(clock.timers, 0)
  })

  await t.test('outlives its timer where only that is stopped', async t => {
    const clock = manualClock()
    const parent = new AbortController()
    const deadline = startDeadline(clock, 1000, parent.signal, 'too late')
    deadline.stopTimer()
    await clock.advance(2000)
    t.equal(deadline.signal.aborted, false)
    parent.abort()
    t.equal(deadline.signal.aborted, true)
  })
})
