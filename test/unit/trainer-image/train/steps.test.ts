import t from 'tap'
import { permutation } from '../../../../trainer-image/src/train/permutation.ts'
import { epochAfter, rowsOfStep, totalSteps } from '../../../../trainer-image/src/train/steps.ts'

t.test('counts the steps of a run', async t => {
  const cases: Record<string, [rows: number, batchSize: number, length: object, steps: number]> = {
    'one epoch where nothing is said': [100, 16, {}, 7],
    'epochs round the ragged last batch up': [100, 16, { epochs: 2 }, 14],
    'half an epoch': [100, 10, { epochs: 0.5 }, 5],
    'maxSteps as it stands': [100, 16, { maxSteps: 3 }, 3],
    'at least one step': [1, 16, { epochs: 0.01 }, 1],
  }
  for (const [name, [rows, batchSize, length, steps]] of Object.entries(cases)) {
    t.equal(totalSteps({ rows, batchSize }, length), steps, name)
  }
})

t.test('every epoch sees each row once, in an order of its own', async t => {
  const plan = { rows: 37, batchSize: 8, seed: 1 }
  const epoch = (first: number) => [0, 1, 2, 3, 4].flatMap(step => rowsOfStep(plan, first + step))
  const ascending = Array.from({ length: 37 }, (_, index) => index)
  t.strictSame(
    epoch(0).toSorted((a, b) => a - b),
    ascending,
  )
  t.strictSame(
    epoch(5).toSorted((a, b) => a - b),
    ascending,
  )
  t.notSame(epoch(0), epoch(5), 'two epochs differ')
  t.notSame(epoch(0), ascending, 'and are shuffled')
  t.equal(rowsOfStep(plan, 4).length, 5, 'the last step of an epoch takes what is left')
})

t.test('the order depends on nothing but seed and step', async t => {
  const plan = { rows: 50, batchSize: 7, seed: 9 }
  const late = rowsOfStep(plan, 20)
  rowsOfStep({ ...plan, seed: 10 }, 3)
  t.strictSame(rowsOfStep(plan, 20), late, 'asked again after others')
  t.notSame(rowsOfStep({ ...plan, seed: 10 }, 20), late, 'another seed')
})

t.test('a permutation has no favourite places', async t => {
  const first = new Array<number>(6).fill(0)
  for (let seed = 0; seed < 6000; seed++) {
    const index = permutation(6, seed, 0)[0] ?? 0
    first[index] = (first[index] ?? 0) + 1
  }
  // 1,000 expected each; 5 standard deviations are 145
  for (const count of first) t.ok(Math.abs(count - 1000) < 145, `${count} of about 1000`)
})

t.test('an epoch is counted with its fraction', async t => {
  t.equal(epochAfter({ rows: 40, batchSize: 10, seed: 0 }, 6), 1.5)
})
