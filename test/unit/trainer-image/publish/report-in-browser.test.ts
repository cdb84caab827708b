import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { publish } from '../../../../trainer-image/src/stages/publish.ts'
import { aStageContext } from '../../../fixtures/a-stage-context.ts'
import { writeFinishedStages } from '../../../fixtures/finished-stages.ts'

const hasChromium = (): boolean => {
  try {
    execFileSync('chromium', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Nothing of the browser's own may ask for anything outside. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-logging=stderr',
  '--virtual-time-budget=2000',
]

const skip = hasChromium() ? false : 'chromium is not installed (apt-get install chromium)'

t.test('Chromium shows the report without an error', { skip }, async t => {
  const folder = t.testdir({})
  const options = { outputUri: 'file://out', gates: [], steps: 20 }
  const workspace = join(folder, 'workspace')
  const job = await writeFinishedStages(workspace, options)
  await publish(aStageContext({ workspace, job }))
  const page = `file://${folder}/out/run-1/report.html`
  const profile = await mkdtemp(join(tmpdir(), 'attune-report-'))
  t.teardown(() => rm(profile, { recursive: true, force: true }))
  const { stdout, stderr } = await promisify(execFile)(
    'chromium',
    [...FLAGS, `--user-data-dir=${profile}`, '--dump-dom', page],
    { maxBuffer: 2 ** 25, timeout: 60_000 },
  )
  t.match(stdout, /<h1[^>]*>[^<]*home-assistant/)
  t.match(stdout, /<svg/)
  // a page's own complaints, refused requests included, are logged with CONSOLE
  t.notMatch(stderr, /CONSOLE/)
})
