import t from 'tap'
import { takeTurns } from '../../../../operator/src/kube/take-turns.ts'

const object = (key: string) => {
  const [namespace = '', uid = ''] = key.split('/')
  return { metadata: { namespace, uid } }
}
const order = (keys: readonly string[], asked: Readonly<Record<string, number>> = {}) =>
  [...takeTurns(keys.map(object), uid => asked[uid])].map(
    ({ metadata: { namespace, uid } }) => `${namespace}/${uid}`,
  )

t.test('whom to ask next', async t => {
  const cases: Readonly<
    Record<
      string,
      readonly [readonly string[], Readonly<Record<string, number>>, readonly string[]]
    >
  > = {
    nobody: [[], {}, []],
    'namespaces in turn': [
      ['a/1', 'a/2', 'a/3', 'b/4', 'c/5'],
      {},
      ['a/1', 'b/4', 'c/5', 'a/2', 'a/3'],
    ],
    'the one longest unasked of a namespace': [['a/1', 'a/2'], { 1: 9, 2: 3 }, ['a/2', 'a/1']],
    'one that was never asked': [['a/1', 'a/2'], { 1: 0 }, ['a/2', 'a/1']],
    'the namespace that was left out the last time': [
      ['a/1', 'a/2', 'b/3'],
      { 1: 8, 2: 7, 3: 2 },
      ['b/3', 'a/2', 'a/1'],
    ],
  }
  for (const [name, [keys, asked, expected]] of Object.entries(cases))
    t.strictSame(order(keys, asked), expected, name)
})
