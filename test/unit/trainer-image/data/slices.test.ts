import { createSliceCounter, largestSlices } from '@attune/trainer/data/slices.ts'
import t from 'tap'

t.test('the largest come first, the rest is summed', async t => {
  const counts = new Map([
    ['a', 1],
    ['b', 5],
    ['c', 3],
    ['d', 3],
  ])
  t.same(Object.entries(largestSlices(counts, 2)), [
    ['b', 5],
    ['c', 3],
    ['…', 4],
  ])
  t.same(Object.entries(largestSlices(counts, 9)), [
    ['b', 5],
    ['c', 3],
    ['d', 3],
    ['a', 1],
  ])
})

t.test('sides are counted apart, names are kept over both', async t => {
  const slices = createSliceCounter()
  for (let index = 0; index < 300; index++) slices.add('train', `s${index}`)
  slices.add('validation', 's299')
  t.same(slices.counts('validation'), { s299: 1 })
  t.equal(Object.keys(slices.counts('train')).length, 201)
  t.equal(slices.counts('train')['…'], 100)
  const name = slices.naming()
  t.equal(name('s299'), 's299')
  t.equal(name('s298'), '…')
})

t.test('names beyond the bound are counted as other', async t => {
  const slices = createSliceCounter()
  for (let index = 0; index < 10_005; index++) slices.add('train', `s${index}`)
  t.equal(slices.counts('train', 20_000)['…'], 5)
})
