import { readlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { claimsOf, mountClaims, parseMount } from '../../../../cli/src/workspace/claims.ts'
import { outputFolder } from '../../../../cli/src/workspace/layout.ts'
import { resolveSpec } from '../../../../crds/defaults.ts'
import { stageSpec } from '../../../../crds/stage-spec.ts'

const spec = stageSpec(
  resolveSpec({
    model: { source: { uri: 'hf://o/m' } },
    dataset: {
      sources: [{ uri: 'file://a.jsonl' }, { uri: 'pvc://data/a.jsonl' }],
      validation: { sources: [{ uri: 'pvc://held-out/b.jsonl' }] },
    },
    output: { uri: 'pvc://models/home' },
  }),
)

t.test('every claim is found with its field', async t => {
  t.strictSame(claimsOf(spec), [
    { field: 'spec.dataset.sources[1].uri', claim: 'data' },
    { field: 'spec.dataset.validation.sources[0].uri', claim: 'held-out' },
    { field: 'spec.output.uri', claim: 'models' },
  ])
})

t.test('--mount is claim=DIR', async t => {
  t.strictSame(parseMount('b=/y=z', { a: '/x' }), { a: '/x', b: '/y=z' })
  for (const text of ['', 'a', '=/x', 'a=', '../a=/x', 'A=/x', 'a/b=/x'])
    t.throws(() => parseMount(text, {}), /write claim=DIR/, text)
})

t.test('claims are links to the folders that were named last', async t => {
  const folder = t.testdir({ a: {}, b: {}, file: '' })
  const at = (name: string) => join(folder, name)
  const mounts = { data: at('a'), 'held-out': at('a'), models: at('a') }
  const root = await mountClaims(folder, spec, mounts)
  t.equal(readlinkSync(join(root, 'data')), at('a'))
  await mountClaims(folder, spec, { ...mounts, data: at('b') })
  t.equal(readlinkSync(join(root, 'data')), at('b'))

  await t.rejects(
    mountClaims(folder, spec, { data: at('a') }),
    /sources\[0\]\.uri: pvc:\/\/held-out/,
  )
  for (const missing of ['file', 'absent'])
    await t.rejects(mountClaims(folder, spec, { ...mounts, data: at(missing) }), /no such folder/)
})

t.test('the output is where the stages publish to', async t => {
  const cases: Readonly<Record<string, string>> = {
    'file://out': '/manifest/out',
    'file://./out/': '/manifest/out',
    'file:///abs/out': '/abs/out',
    'file://with%20blank': '/manifest/with blank',
    'pvc://models/home': '/claims/models/home',
    'pvc://models': '/claims/models',
  }
  for (const [uri, folder] of Object.entries(cases))
    t.equal(outputFolder(uri, '/manifest', '/claims').replace(/\/$/, ''), folder, uri)
})
