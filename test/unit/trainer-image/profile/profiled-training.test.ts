import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Profile } from '../../../../trainer-image/src/profile/profile.ts'
import { runStageProcess } from '../../../fixtures/stage-process.ts'
import { writeTinyJob } from '../../../fixtures/tiny-job.ts'

const trained = async (folder: string, args: readonly string[]) => {
  const tiny = await writeTinyJob(folder)
  await runStageProcess('prepare', tiny)
  const run = await runStageProcess('train', tiny, { args })
  if (run.exitCode !== 0) throw new Error(`train failed: ${run.stderr}`)
  const train = join(tiny.workspace, 'train', run.result?.key ?? '')
  return { train, scratch: join(tiny.workspace, 'scratch') }
}

t.test('a profiled training ends at the same bytes and tells of every layer', async t => {
  const plain = await trained(t.testdir({}), [])
  const bytes = await readFile(join(plain.train, 'adapter/adapter_model.safetensors'))
  t.notOk((await readdir(plain.train)).includes('profile'))

  const { train, scratch } = await trained(t.testdir({}), ['--profile'])
  t.ok(bytes.equals(await readFile(join(train, 'adapter/adapter_model.safetensors'))))
  const profile = JSON.parse(await readFile(join(train, 'profile/profile.json'), 'utf8')) as Profile
  t.ok(profile.seconds > 0 && profile.profiledMicroBatches > 0)
  const inside = profile.places.reduce((sum, { seconds }) => sum + seconds, 0)
  t.ok(Math.abs(inside + profile.betweenSeconds - profile.seconds) < 1e-6 * profile.seconds)
  const found = (part: 'layer' | 'phase' | 'part') =>
    [...new Set(profile.places.map(place => place[part]))].sort()
  t.strictSame(found('phase'), ['again', 'forward', 'gradient', 'update'])
  t.strictSame(found('layer'), ['layers.0', 'layers.1', 'loss', 'model', 'update'])
  t.ok(found('part').includes('mlp') && found('part').includes('self_attn'))
  t.match(await readFile(join(train, 'profile/profile.svg'), 'utf8'), /^<svg/)
  t.notOk((await readdir(scratch)).includes('profile'), 'nothing else is left')
})
