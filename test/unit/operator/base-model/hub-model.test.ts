import t from 'tap'
import { validateManifest } from '../../../../crds/validate.ts'
import { filePath, hubModelOf, infoPath } from '../../../../operator/src/base-model/hub-model.ts'
import { parseSource } from '../../../../trainer-image/src/source/parse-uri.ts'
import { aBaseModel } from '../../../fixtures/crds/a-base-model.ts'

const TAKEN = {
  'hf://a/b': ['a/b', 'main', undefined],
  'hf://a/b@v1.0': ['a/b', 'v1.0', undefined],
  'hf://a/b@refs/pr/7': ['a/b', 'refs/pr/7', undefined],
  'hf://a/b@x%2Fy': ['a/b', 'x/y', undefined],
  'hf://a/b/q4/m.gguf': ['a/b', 'main', ['q4', 'm.gguf']],
  'hf://datasets/b': ['datasets/b', 'main', undefined],
} as const

t.test('models of the hub', async t => {
  for (const [uri, [name, revision, file]] of Object.entries(TAKEN)) {
    t.match(hubModelOf(uri), { name, revision, ...(file ? { file } : {}) }, uri)
    t.match(parseSource(uri), { name }, `${uri}: as the trainer reads it`)
  }
})

const REFUSED = [
  'hf://a',
  'hf://a/b/c.safetensors',
  'hf://a/b@',
  'hf://datasets/a/b',
  'hf://datasets/a/b/m.gguf',
  'hf://../b',
  'hf://a/..',
  'hf://a/b/../m.gguf',
  'hf://a/b/x%2F..%2Fm.gguf',
  'hf://a/b@%zz',
  'hf://a/b?x=//evil.example/m.gguf',
  'hf://user@evil.example/b',
]

t.test('what is none', async t => {
  for (const uri of REFUSED) t.type(hubModelOf(uri), 'string', uri)
})

const verdict = (uri: string) => {
  const { name, spec } = aBaseModel('small', { source: { uri } })
  const object = { apiVersion: 'attune.dev/v1alpha1', kind: 'BaseModel', metadata: { name }, spec }
  return validateManifest(JSON.stringify(object), { mode: 'cluster' }).errors
}

t.test('the API server takes what the operator takes, and refuses most of the rest', async t => {
  for (const uri of Object.keys(TAKEN)) t.strictSame(verdict(uri), [], uri)
  t.strictSame(verdict('pvc://models/hf'), [])
  // what an escape hides only the operator sees
  const hidden = REFUSED.filter(uri => verdict(uri).length === 0)
  t.strictSame(hidden, ['hf://a/b/x%2F..%2Fm.gguf', 'hf://a/b@%zz'])
})

t.test('an entry leads to no other path of the hub', async t => {
  const model = hubModelOf('hf://a/b@x%2F..%2F..%2Fapi%3Fy/m%3F%23.gguf')
  if (typeof model === 'string') return t.fail(model)
  t.equal(
    infoPath(model),
    '/api/models/a/b/revision/x%2F..%2F..%2Fapi%3Fy?expand=sha&expand=safetensors',
  )
  t.equal(filePath(model, 'c0', model.file ?? []), '/a/b/resolve/c0/m%3F%23.gguf')
})
