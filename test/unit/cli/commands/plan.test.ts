import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { attune, callsIn, jobIn } from '../../../fixtures/cli/attune.ts'

t.test('runs Prepare alone and prints what the job takes', async t => {
  const folder = t.testdir()
  const { code, stdout } = await attune(['plan', jobIn(folder)]).ended
  t.equal(code, 0)
  t.match(stdout, /examples +540 to train on, 60 held out\n/)
  t.match(stdout, /training time +about 1 min 30 s\n$/)
  t.strictSame(callsIn(folder), ['prepare 1'])
  t.notOk(existsSync(join(folder, '.attune/home/runs.json')), 'a plan is no run')
})

t.test('prints JSON for programs', async t => {
  const { stdout } = await attune(['plan', '-o', 'json', jobIn(t.testdir())]).ended
  t.match(JSON.parse(stdout), { dataset: { trainExamples: 540 }, plan: { totalSteps: 5 } })
})

t.test('ends with reason and exit code when Prepare fails', async t => {
  const { code, stdout, stderr } = await attune(['plan', jobIn(t.testdir())], {
    FAKE_FAIL: 'prepare:SourceNotFound:66',
  }).ended
  t.equal(code, 66)
  t.equal(stdout, '')
  t.match(stderr, /prepare failed: SourceNotFound\n {2}what is wrong/)
})
