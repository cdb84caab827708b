import { runSteps } from '@attune/crds/experiment/steps.ts'
import t from 'tap'
import { runInSlices } from '../../../../operator/src/kube/run-in-slices.ts'

const count = function* (steps: number): Generator<undefined, number, undefined> {
  let done = 0
  for (; done < steps; done += 1) yield
  return done
}

t.test('all at once', async t => {
  t.equal(runSteps(count(5)), 5)
  t.equal(runSteps(count(0)), 0)
})

t.test('others have their turn once a slice is over', async t => {
  let now = 0
  const pauses: number[] = []
  const options = {
    sliceMs: 10,
    // every step takes 4 ms
    monotonic: () => now,
    pause: async () => {
      pauses.push(now)
      now += 1000
    },
  }
  const slow = function* () {
    for (let step = 0; step < 7; step += 1) {
      now += 4
      yield
    }
    return 'done'
  }
  t.equal(await runInSlices(slow(), options), 'done')
  t.strictSame(pauses, [12, 1024])
})

t.test('without a limit on a slice each step is one', async t => {
  const told: string[] = []
  const timer = setImmediate(() => told.push('another'))
  t.teardown(() => clearImmediate(timer))
  await runInSlices(count(3), { sliceMs: 0 })
  t.strictSame(told, ['another'])
})
