import t from 'tap'
import {
  answerTokens,
  exactMatch,
  tokenF1,
} from '../../../../trainer-image/src/evaluate/text-metrics.ts'

t.test('exact match ignores white space around an answer and nothing else', async t => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['{"a":1}', '{"a":1}', 1],
    [' {"a":1}\n', '{"a":1}', 1],
    ['{"a": 1}', '{"a":1}', 0],
    ['Yes', 'yes', 0],
    ['', '  ', 1],
    ['', 'x', 0],
  ]
  for (const [answer, reference, expected] of cases)
    t.equal(exactMatch(answer, reference), expected, JSON.stringify([answer, reference]))
})

t.test('tokens are lower case, without punctuation and articles', async t => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    'The cat, a dog & an Owl.': ['cat', 'dog', 'owl'],
    'theatre another': ['theatre', 'another'],
    "don't-stop": ['dontstop'],
    'the\u00e9 a\u00e9 \u00e9a': ['the\u00e9', 'a\u00e9', '\u00e9a'],
    '\u201cquoted\u201d': ['\u201cquoted\u201d'],
    ' \t\n': [],
  }
  for (const [text, expected] of Object.entries(cases)) t.same(answerTokens(text), expected, text)
})

// expected values by the SQuAD evaluation script, version 2.0
t.test('token F1 equals the SQuAD script', async t => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['the red lamp', 'red lamp', 1],
    ['red red lamp', 'red lamp lamp', 2 / 3],
    ['turn on the lamp', 'turn off the lamp', 2 / 3],
    ['one two three four', 'four', 0.4],
    ['x', 'y', 0],
    ['', '', 1],
    ['a', 'the', 1],
    ['', 'y', 0],
    ['x', '', 0],
  ]
  for (const [answer, reference, expected] of cases)
    t.ok(
      Math.abs(tokenF1(answer, reference) - expected) < 1e-12,
      `${JSON.stringify([answer, reference])} gives ${tokenF1(answer, reference)}`,
    )
})
