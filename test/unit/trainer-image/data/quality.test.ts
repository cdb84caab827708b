import { checkQuality } from '@attune/trainer/data/quality.ts'
import t from 'tap'

const counts = {
  read: 100,
  train: 80,
  validation: 10,
  duplicates: 10,
  truncated: 0,
  tooLong: 0,
  untrained: 0,
}
const check =
  (changed: object, quality = {}, validation = {}) =>
  () =>
    checkQuality(
      { ...counts, ...changed },
      { quality: { minExamples: 1, maxDuplicateFraction: 1, ...quality }, validation },
      { at: 'dataset', sequenceLength: 512 },
    )

t.test('each gate that is missed is named with its figure', async t => {
  t.doesNotThrow(check({}))
  t.doesNotThrow(check({}, { maxDuplicateFraction: 0.1, minExamples: 80 }))
  t.throws(check({}, { minExamples: 81, maxDuplicateFraction: 0.05 }), {
    reason: 'DatasetBelowQuality',
    exitCode: 65,
    message:
      /80 training examples, dataset\.quality\.minExamples is 81; 10 of 100 examples \(10\.0 %\) are duplicates, dataset\.quality\.maxDuplicateFraction is 0\.05/,
  })
})

t.test('no validation example is below quality', async t => {
  t.throws(check({ validation: 0 }), {
    reason: 'DatasetBelowQuality',
    message: /held-out fraction 0\.1 of 100; raise/,
  })
  t.throws(check({ validation: 0 }, {}, { sources: [{ uri: 'pvc://a/b.jsonl' }] }), {
    message: /no validation example is left of dataset\.validation\.sources/,
  })
})

t.test('all examples dropped says why', async t => {
  t.throws(check({ train: 0, tooLong: 70, untrained: 10 }), {
    reason: 'DatasetMalformed',
    message:
      /no training example is left of 100: 10 duplicates, 70 with an answer longer than training\.sequenceLength 512, 10 with nothing to learn/,
  })
})
