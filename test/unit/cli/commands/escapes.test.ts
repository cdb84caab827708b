import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createProgressView } from '../../../../cli/src/view/progress-view.ts'
import { printable } from '../../../../crds/printable.ts'
import { runStage } from '../../../../trainer-image/src/run-stage.ts'
import { aStageContext } from '../../../fixtures/a-stage-context.ts'
import { attune, JOB, jobIn } from '../../../fixtures/cli/attune.ts'
import { writeTinyJob } from '../../../fixtures/tiny-job.ts'

const TITLE = '\u001b]0;pwned\u0007'
const SHOWN = '\ufffd]0;pwned\ufffd'

t.test('tabs, line feeds and all languages are printable', async t => {
  const text = 'a\tb\nç 日本 😀'
  t.equal(printable(text), text)
  t.equal(printable('\u009b31m\r\u007f\ud800'), '\ufffd31m\ufffd\ufffd\ufffd')
})

t.test('a manifest sends nothing to the terminal but text', async t => {
  const file = jobIn(
    t.testdir(),
    JOB.replace('  output:', `  # ${TITLE}\n  "x\\e]0;pwned\\a": 1\n  output:`),
  )
  const { stdout, code } = await attune(['validate', '--local', file]).ended
  t.equal(code, 1)
  t.match(stdout, SHOWN)
  t.equal(stdout, printable(stdout))
})

t.test('a line of data sends nothing to the terminal or the status but text', async t => {
  const folder = t.testdir({})
  const { job, workspace } = await writeTinyJob(folder)
  writeFileSync(join(folder, 'pairs.jsonl'), `${TITLE}\n`)
  const { result } = await runStage('prepare', aStageContext({ job, workspace }))
  t.equal(result.reason, 'DatasetMalformed')
  t.match(result.message, SHOWN)
})

t.test('progress sends nothing to the terminal but text', async t => {
  const written: string[] = []
  const view = createProgressView({
    isTTY: false,
    columns: 80,
    write: (text: string | Uint8Array) => written.push(String(text)) > 0,
  })
  view.say(TITLE)
  view.update({ stage: 'evaluate', activity: TITLE, fraction: 0 })
  t.equal(written[0], `${SHOWN}\n`)
  t.match(written[1], SHOWN)
})
