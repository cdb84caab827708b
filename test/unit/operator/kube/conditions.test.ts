import t from 'tap'
import {
  type Condition,
  findCondition,
  isTrue,
  type NewCondition,
  removeCondition,
  rfc3339Seconds,
  setCondition,
  trimMessage,
} from '../../../../operator/src/kube/conditions.ts'

const FIRST = Date.UTC(2026, 0, 1, 12, 0, 0, 999)
const LATER = FIRST + 60_000
const ready = (change: Partial<NewCondition> = {}): NewCondition => ({
  type: 'Ready',
  status: 'False',
  reason: 'Training',
  message: 'step 1',
  observedGeneration: 1,
  ...change,
})

t.test('a new condition has its time in whole seconds', t => {
  t.strictSame(setCondition([], ready(), FIRST), [
    { ...ready(), lastTransitionTime: '2026-01-01T12:00:00Z' },
  ])
  t.end()
})

t.test('the time stays while the status stays', t => {
  const before = setCondition([], ready(), FIRST)
  const change = { reason: 'Evaluating', message: 'case 1', observedGeneration: 2 }
  t.strictSame(setCondition(before, ready(change), LATER), [
    { ...ready(change), lastTransitionTime: '2026-01-01T12:00:00Z' },
  ])
  t.end()
})

t.test('the time moves with the status', t => {
  const before = setCondition([], ready(), FIRST)
  const after = setCondition(before, ready({ status: 'True' }), LATER)
  t.equal(findCondition(after, 'Ready')?.lastTransitionTime, '2026-01-01T12:01:00Z')
  t.end()
})

t.test('conditions are sorted, frozen and leave the given list alone', t => {
  const before = setCondition([], ready(), FIRST)
  const after = setCondition(before, ready({ type: 'Complete' }), FIRST)
  t.strictSame(
    after.map(({ type }) => type),
    ['Complete', 'Ready'],
  )
  t.equal(before.length, 1)
  t.ok(Object.isFrozen(after) && after.every(condition => Object.isFrozen(condition)))
  t.end()
})

t.test('conditions are found, asked and taken away', t => {
  const conditions: readonly Condition[] = setCondition([], ready({ status: 'True' }), FIRST)
  t.equal(isTrue(conditions, 'Ready'), true)
  t.equal(isTrue(conditions, 'Failed'), false)
  t.equal(isTrue(undefined, 'Ready'), false)
  t.strictSame(removeCondition(conditions, 'Ready'), [])
  t.end()
})

t.test('a long message is cut where a character ends', t => {
  t.equal(trimMessage('a'.repeat(1024)).length, 1024)
  t.equal(trimMessage('a'.repeat(1025)), `${'a'.repeat(1023)}…`)
  t.equal(trimMessage('ab😀cd', 4), 'ab…')
  t.equal(setCondition([], ready({ message: 'm'.repeat(5000) }), FIRST)[0]?.message.length, 1024)
  t.end()
})

t.test('times have no fraction', t => {
  t.equal(rfc3339Seconds(1_999), '1970-01-01T00:00:01Z')
  t.end()
})
