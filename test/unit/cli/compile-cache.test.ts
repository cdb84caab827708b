import { execFile } from 'node:child_process'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { compileCacheFolder, keepCompiled } from '../../../cli/src/compile-cache.ts'

const MAIN = join(import.meta.dirname, '../../../cli/src/main.ts')
const run = promisify(execFile)

t.test('the folder is the user’s own', async t => {
  const usual = join(homedir(), '.cache/attune/compiled')
  for (const [env, folder] of [
    [{}, usual],
    [{ XDG_CACHE_HOME: '' }, usual],
    [{ XDG_CACHE_HOME: 'relative' }, usual],
    [{ XDG_CACHE_HOME: '/caches' }, '/caches/attune/compiled'],
    [{ XDG_CACHE_HOME: '/caches', NODE_COMPILE_CACHE: '/elsewhere' }, '/elsewhere'],
  ] as const)
    t.equal(compileCacheFolder(env), folder)
})

t.test('what a command compiled is kept there, where there can be a folder', async t => {
  const folder = t.testdir({ caches: {} })
  const { NODE_COMPILE_CACHE: _, ...env } = process.env
  const version = async (caches: string) => {
    const at = { ...env, XDG_CACHE_HOME: join(folder, caches) }
    return (await run(process.execPath, [MAIN, '--version'], { env: at })).stdout
  }
  t.match(await version('caches'), /^\d+\.\d+\.\d+\n$/)
  const [byVersion] = await readdir(join(folder, 'caches/attune/compiled'))
  const kept = await readdir(join(folder, 'caches/attune/compiled', byVersion!))
  t.ok(kept.length > 10, `${kept.length} files`)
  const { mode } = await stat(join(folder, 'caches/attune/compiled'))
  t.equal(mode & 0o777, 0o700, 'for nobody else')
  await writeFile(join(folder, 'file'), '')
  t.match(await version('file'), /^\d+\.\d+\.\d+\n$/, 'and nothing is amiss where there cannot')
})

t.test('a user without a home gets no folder and no error', async t => {
  const env: Record<string, string | undefined> = {
    get NODE_COMPILE_CACHE(): string {
      throw new Error('uv_os_homedir returned ENOENT')
    },
  }
  t.doesNotThrow(() => keepCompiled(env))
})
