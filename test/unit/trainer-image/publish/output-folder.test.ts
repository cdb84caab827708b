import { mkdir, realpath, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openOutputFolder } from '../../../../trainer-image/src/publish/output-folder.ts'

const roots = async (t: Test) => {
  const folder = await realpath(t.testdir({ claims: { models: {} }, files: {}, secret: {} }))
  return { folder, pvcRoot: join(folder, 'claims'), fileRoot: join(folder, 'files') }
}

t.test('finds and makes the folder', async t => {
  const at = await roots(t)
  const cases: Readonly<Record<string, string>> = {
    'pvc://models': 'claims/models',
    'pvc://models/': 'claims/models',
    'pvc://models/team-a/home%20assistant': 'claims/models/team-a/home assistant',
    'file://out/deep': 'files/out/deep',
    [`file://${at.folder}/elsewhere`]: 'elsewhere',
  }
  for (const [uri, path] of Object.entries(cases))
    t.equal(await openOutputFolder(uri, at), join(at.folder, path), uri)
})

t.test('never leaves the claim', async t => {
  const at = await roots(t)
  await symlink(join(at.folder, 'secret'), join(at.pvcRoot, 'models/link'))
  await mkdir(join(at.pvcRoot, 'models/inner'))
  await symlink('inner', join(at.pvcRoot, 'models/alias'))
  for (const uri of [
    'pvc://models/../other',
    'pvc://models/a/%2e%2e/%2e%2e/b',
    'pvc://models/link',
    'pvc://models/link/deeper/still',
  ])
    await t.rejects(openOutputFolder(uri, at), { name: 'StageError', reason: 'InvalidSpec' }, uri)
  t.equal(
    await openOutputFolder('pvc://models/alias/x', at),
    join(at.pvcRoot, 'models/inner/x'),
    'links within it are followed',
  )
})

t.test('says what to do where it cannot be written', async t => {
  const at = await roots(t)
  await writeFile(join(at.fileRoot, 'file'), '')
  const cases: Readonly<Record<string, RegExp>> = {
    'pvc://absent/x': /claim absent is not mounted/,
    'file://file': /output.uri file:\/\/file: .*\(EEXIST\); a file of that name is in the way/,
    'file://file/below': /\(ENOTDIR\); a part of the path is a file/,
    'file:///proc/attune': /\(ENOENT\); check that the volume is mounted/,
  }
  for (const [uri, message] of Object.entries(cases))
    await t.rejects(openOutputFolder(uri, at), { reason: 'PublishFailed', message }, uri)
  await t.rejects(openOutputFolder('hf://owner/name', at), {
    name: 'StageError',
    reason: 'InvalidSpec',
  })
})
