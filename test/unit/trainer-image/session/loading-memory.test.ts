import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const script = fileURLToPath(new URL('../../../fixtures/model/load-and-print.ts', import.meta.url))
const MOST = 1.15

t.test('loading takes little more memory than the tensors in use', async t => {
  const folder = t.testdir()
  const run = (...args: string[]) =>
    execFileSync(process.execPath, [script, folder, ...args], { encoding: 'utf8' })
  run('write')
  const { peak, after }: { peak: number; after: number } = JSON.parse(run())
  const inUse = statSync(join(folder, 'stored', 'weights.bin')).size
  t.ok(inUse > 140e6, 'the model is large beside the process')
  t.ok(peak <= MOST * inUse, `${(peak / inUse).toFixed(2)} of the tensors while they are loaded`)
  // the session then maps all of them
  t.ok(after + inUse <= MOST * inUse, `${(after / inUse + 1).toFixed(2)} with the tensors mapped`)
})
