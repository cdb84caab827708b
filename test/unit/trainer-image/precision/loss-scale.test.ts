import t from 'tap'
import {
  afterOverflow,
  afterUpdate,
  FIRST_LOSS_SCALE,
  factorOf,
  type LossScale,
} from '../../../../trainer-image/src/precision/loss-scale.ts'

t.test('scales follow from updates and overflows as those of torch.amp.GradScaler', async t => {
  const cases: Readonly<Record<string, readonly [LossScale | undefined, LossScale | undefined]>> = {
    'it starts at 2^16': [FIRST_LOSS_SCALE, { scale: 65_536, updates: 0 }],
    'an update counts': [afterUpdate({ scale: 8, updates: 4 }), { scale: 8, updates: 5 }],
    'the 2000th in a row doubles it': [
      afterUpdate({ scale: 8, updates: 1999 }),
      { scale: 16, updates: 0 },
    ],
    'the 1999th does not': [afterUpdate({ scale: 8, updates: 1998 }), { scale: 8, updates: 1999 }],
    'an overflow halves it and counts anew': [
      afterOverflow({ scale: 8, updates: 1999 }),
      { scale: 4, updates: 0 },
    ],
    'below 1 there is no help in it': [afterOverflow({ scale: 1, updates: 3 }), undefined],
    'it stays within float32': [
      afterUpdate({ scale: 2 ** 64, updates: 1999 }),
      { scale: 2 ** 64, updates: 0 },
    ],
  }
  for (const [name, [found, wanted]] of Object.entries(cases)) t.same(found, wanted, name)
})

t.test('the summed loss is scaled by a power of two, as the mean is by the scale', async t => {
  const table = [
    [1, 65_536],
    [2, 32_768],
    [1000, 64],
    [1024, 64],
    [1025, 32],
    [2 ** 20, 2 ** -4],
    [0, 65_536],
  ] as const
  for (const [targets, factor] of table)
    t.equal(factorOf(FIRST_LOSS_SCALE, targets), factor, `${targets} targets`)
})
