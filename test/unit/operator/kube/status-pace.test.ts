import t from 'tap'
import { createStatusPace, heldMs } from '../../../../operator/src/kube/status-pace.ts'

const ready = (status: string, reason: string, message = '') => [
  { type: 'Ready', status, reason, message, lastTransitionTime: '' },
]
const RUNNING = { phase: 'Running', observedGeneration: 1, conditions: ready('False', 'Running') }

t.test('what is waited for is not held back, and progress is', async t => {
  const cases: Readonly<Record<string, readonly [Parameters<typeof heldMs>[1], number]>> = {
    'the same': [RUNNING, 400],
    'a message': [{ ...RUNNING, conditions: ready('False', 'Running', '3 trials') }, 400],
    'a phase': [{ ...RUNNING, phase: 'Failed' }, 0],
    'a generation': [{ ...RUNNING, observedGeneration: 2 }, 0],
    'a reason': [{ ...RUNNING, conditions: ready('False', 'Waiting') }, 0],
    'a condition': [{ ...RUNNING, conditions: ready('True', 'Running') }, 0],
    'no condition any more': [{ ...RUNNING, conditions: [] }, 0],
  }
  for (const [name, [after, held]] of Object.entries(cases))
    t.equal(heldMs(RUNNING, after, 400), held, name)
  t.equal(heldMs(undefined, RUNNING, 400), 0, 'the first status')
})

t.test('one write in an interval, of each object', async t => {
  const pace = createStatusPace(5_000)
  t.equal(pace.holdMs('a/x', 1_000), 0, 'nothing is known of it yet')
  pace.wrote('a/x', 1_000)
  t.equal(pace.holdMs('a/x', 1_000), 5_000)
  t.equal(pace.holdMs('a/x', 4_000), 2_000)
  t.equal(pace.holdMs('a/x', 6_000), 0)
  t.equal(pace.holdMs('a/y', 1_000), 0)
  t.equal(pace.holdMs('a/x', 900), 0, 'a clock that was set back holds nothing back')
  pace.forget('a/x')
  t.equal(pace.holdMs('a/x', 4_000), 0)
})
