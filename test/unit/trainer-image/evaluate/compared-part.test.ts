import t from 'tap'
import { comparedParts } from '../../../../trainer-image/src/evaluate/compared-part.ts'
import { scoreText } from '../../../../trainer-image/src/evaluate/suite-scores.ts'

t.test('what stands behind the last marker is compared, to the end of its line', async t => {
  const cases: readonly (readonly [answer: string, reference: string, expected: unknown])[] = [
    ['5 + 1 = 6\n#### 6', '2 * 3 = 6\n#### 6', ['6', '6']],
    ['#### 6', '####6', ['6', '6']],
    ['#### 5\nNo:\n#### 6 \nThat is all.', '#### 6', ['6', '6']],
    ['#### 6\r\nmore', '#### 6', ['6', '6']],
    ['####\n6', '#### 6', undefined],
    ['####', '#### 6', undefined],
    ['#### 6', 'The end ####', ['#### 6', 'The end ####']],
    ['#### 2125', '#### 2,125', ['2125', '2125']],
    ['#### $18.00', '#### 18', ['18', '18']],
    ['#### -$3.', '#### -3', ['-3', '-3']],
    ['#### 1,2', '#### 12', ['1,2', '12']],
    ['#### 18 eggs', '#### 18', ['18 eggs', '18']],
    ['It is 6.', '#### 6', undefined],
    ['', '#### 6', undefined],
    ['#### 6', '6', ['#### 6', '6']],
  ]
  for (const [answer, reference, expected] of cases) {
    const parts = comparedParts({ answer, reference }, '####')
    t.same(parts && [parts.answer, parts.reference], expected, JSON.stringify([answer, reference]))
  }
  t.same(comparedParts({ answer: '#### 6', reference: '#### 7' }, undefined), {
    answer: '#### 6',
    reference: '#### 7',
  })
})

t.test('an answer without the marker scores 0, however near it comes', async t => {
  const metrics = ['exactMatch', 'tokenF1'] as const
  const scores = (text: string) =>
    scoreText(text, 'It is 6.\n#### 6', { metrics, answerAfter: '####' })
  t.same(scores('It is 6.\n6'), { exactMatch: 0, tokenF1: 0 })
  t.same(scores('Well, #### 6'), { exactMatch: 1, tokenF1: 1 })
  t.same(scoreText('#### 6', 'It is #### 6', { metrics }), { exactMatch: 0, tokenF1: 0.5 })
})
