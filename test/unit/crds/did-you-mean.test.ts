import t from 'tap'
import { nearest } from '../../../crds/did-you-mean.ts'

const KNOWN = ['batchSize', 'microBatchSize', 'sequenceLength', 'seed']

t.test('finds the word that was meant, or none', async t => {
  const cases: Readonly<Record<string, string | undefined>> = {
    batchsize: 'batchSize',
    batch_size: 'batchSize',
    batchSzie: 'batchSize',
    sead: 'seed',
    sequence_lenght: 'sequenceLength',
    optimizer: undefined,
    x: undefined,
    ['a'.repeat(1000)]: undefined,
  }
  for (const [word, meant] of Object.entries(cases))
    t.equal(nearest(word, KNOWN), meant, word.slice(0, 20))
})

t.test('finds nothing among nothing', async t => {
  t.equal(nearest('a', []), undefined)
})
