import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const LAUNCHER = join(import.meta.dirname, '../../../cli/bin/attune.js')
const run = promisify(execFile)

t.test('a Node that cannot load TypeScript hands over to one that can', async t => {
  const { stdout } = await run(process.execPath, ['--no-strip-types', LAUNCHER, '--version'])
  t.match(stdout, /^\d+\.\d+\.\d+\n$/)
  const { code, stderr } = await run(process.execPath, ['--no-strip-types', LAUNCHER, 'tune']).then(
    () => ({ code: 0, stderr: '' }),
    (error: { code: number; stderr: string }) => error,
  )
  t.equal(code, 1, 'and ends as it does')
  t.match(stderr, /unknown command/)
})
