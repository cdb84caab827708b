import t from 'tap'
import { bytes, count, duration, score, signed, table } from '../../../../cli/src/view/format.ts'

t.test('numbers for people', async t => {
  const cases: Readonly<Record<string, readonly [string, string]>> = {
    'a count': [count(1234567.4), '1,234,567'],
    'no bytes': [bytes(0), '0 B'],
    'a few bytes': [bytes(1023), '1023 B'],
    kibibytes: [bytes(1536), '1.5 KiB'],
    'many mebibytes': [bytes(300 * 2 ** 20), '300 MiB'],
    gibibytes: [bytes(2 ** 31), '2.0 GiB'],
    'more than there are units': [bytes(2 ** 60), '1048576 TiB'],
    'a moment': [duration(0.04), '0.0 s'],
    'just under ten seconds': [duration(9.94), '9.9 s'],
    'just over ten seconds': [duration(9.96), '10 s'],
    'just under a minute': [duration(59.6), '1 min 0 s'],
    minutes: [duration(130), '2 min 10 s'],
    hours: [duration(3900), '1 h 5 min'],
    'a score': [score(0.94), '0.940'],
    'a gain': [signed(0.5), '+0.500'],
    'a loss': [signed(-0.5), '-0.500'],
  }
  for (const [name, [found, wanted]] of Object.entries(cases)) t.equal(found, wanted, name)
})

t.test('a table pads to the widest cell', async t => {
  const rows = [
    ['name', 'n', 'unit'],
    ['a', '10', 's'],
  ]
  t.equal(table(rows), 'name   n  unit\na     10     s')
  t.equal(table(rows, [0, 2]), 'name   n  unit\na     10  s')
})
