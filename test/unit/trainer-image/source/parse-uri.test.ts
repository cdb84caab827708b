import t from 'tap'
import { parseSource } from '../../../../trainer-image/src/source/parse-uri.ts'

t.test('reads every scheme', t => {
  t.strictSame(parseSource('file://./a%20b/c.jsonl'), { kind: 'file', path: './a b/c.jsonl' })
  t.strictSame(parseSource('file:///data/x'), { kind: 'file', path: '/data/x' })
  t.strictSame(parseSource('pvc://claim-1'), { kind: 'pvc', claim: 'claim-1', path: '' })
  t.strictSame(parseSource('pvc://c/a//./b'), { kind: 'pvc', claim: 'c', path: 'a/b' })
  t.match(parseSource('https://host/x.gguf?y=1'), { kind: 'http', url: { search: '?y=1' } })
  t.end()
})

t.test('reads hub repositories with and without revision and file', t => {
  const hub = (type: string, name: string, revision?: string, path?: string) => ({
    kind: 'hub',
    type,
    name,
    revision,
    path,
  })
  t.strictSame(parseSource('hf://o/n'), hub('model', 'o/n'))
  t.strictSame(parseSource('hf://o/n@v1.0/m.gguf'), hub('model', 'o/n', 'v1.0', 'm.gguf'))
  t.strictSame(parseSource('hf://o/n@refs/pr/3'), hub('model', 'o/n', 'refs/pr/3'))
  t.strictSame(parseSource('hf://o/n@a%2Fb'), hub('model', 'o/n', 'a/b'))
  t.strictSame(
    parseSource('hf://datasets/o/n/data/train.jsonl'),
    hub('dataset', 'o/n', undefined, 'data/train.jsonl'),
  )
  t.end()
})

const REFUSED = {
  'an unknown scheme': 's3://bucket/x',
  'no scheme': '/data/x',
  'plain http': 'http://example.com/x.jsonl',
  'a password in the URL': 'https://user:secret@host/x.jsonl',
  'an empty file path': 'file://',
  'a claim that leads upwards': 'pvc://../x',
  'a path that leads upwards': 'pvc://claim/../other/x',
  'a path that leads upwards, escaped': 'pvc://claim/%2e%2e/other',
  'an escaped slash': 'pvc://claim/a%2f..%2f..%2fx',
  'a broken escape': 'pvc://claim/%zz',
  'a hub name without owner': 'hf://model',
  'a hub name of dots': 'hf://../..',
}
for (const [what, uri] of Object.entries(REFUSED))
  t.test(`refuses ${what}`, async t => {
    t.throws(() => parseSource(uri), { name: 'StageError', reason: 'InvalidSpec' })
  })

t.test('never shows a password', async t => {
  try {
    parseSource('https://user:secret@host/x.jsonl')
  } catch (error) {
    t.notMatch(String(error), 'secret')
  }
})
