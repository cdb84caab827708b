import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import {
  removeTemporaries,
  temporaryFor,
  writeFileAtomically,
} from '../../../trainer-image/src/atomic-file.ts'

t.test('no two writes of one path share a temporary file', async t => {
  const folder = t.testdir({})
  const path = join(folder, 'state.json')
  t.not(temporaryFor(path), temporaryFor(path))
  await Promise.all(['a', 'b', 'c'].map(text => writeFileAtomically(path, text)))
  t.match(await readFile(path, 'utf8'), /^[abc]$/)
  t.strictSame(await readdir(folder), ['state.json'])
})

t.test('what a cut-off write has left is removed, and nothing else', async t => {
  const folder = t.testdir({ 'state.json': '{}', 'notes.tmp': '', 'a.tmp-1': '' })
  await writeFile(temporaryFor(join(folder, 'state.json')), 'half')
  t.equal((await readdir(folder)).length, 4)
  await removeTemporaries(folder)
  t.strictSame((await readdir(folder)).toSorted(), ['a.tmp-1', 'notes.tmp', 'state.json'])
})
