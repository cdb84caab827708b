import t from 'tap'
import { quantityNumber } from '../../../crds/quantity.ts'

t.test('quantities are numbers', async t => {
  const table: readonly (readonly [string | number, number])[] = [
    [42949672960, 40 * 2 ** 30],
    ['80Gi', 80 * 2 ** 30],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['24G', 24e9],
    ['512Mi', 2 ** 29],
    ['+1Ti', 2 ** 40],
    ['1e9', 1e9],
    ['1E9', 1e9],
    ['2E', 2e18],
    ['500m', 0.5],
    ['100k', 1e5],
  ]
  for (const [quantity, number] of table) t.equal(quantityNumber(quantity), number, `${quantity}`)
})

t.test('what is none is no number', async t => {
  for (const text of ['', 'Gi', '80 Gi', '80GiB', '80mi', 'lots'])
    t.ok(Number.isNaN(quantityNumber(text)), text)
})
