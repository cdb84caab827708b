import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { attune, callsIn, JOB, jobIn } from '../../../fixtures/cli/attune.ts'

type Runs = { runs: { number: number; outcome?: string; reason?: string }[] }
const runsIn = (folder: string) =>
  (JSON.parse(readFileSync(join(folder, '.attune/home/runs.json'), 'utf8')) as Runs).runs

t.test('runs the four stages and ends with the table and the report', async t => {
  const folder = t.testdir()
  const { code, stdout, stderr } = await attune(['run', jobIn(folder)]).ended
  t.equal(code, 0, stderr)
  t.strictSame(callsIn(folder), ['prepare 1', 'train 1', 'evaluate 1', 'publish 1'])
  t.match(stdout, /held-out +exactMatch +0\.000 +0\.900 +\+0\.900/)
  t.match(
    stdout,
    `adapter  ${join(folder, 'out/run-1/adapter')}\nreport   ${join(folder, 'out/run-1/report.html')}\n`,
  )
  t.match(stderr, /run 1 of home, in /)
  t.match(stderr, /train +20% +1\/5 +loss 1\.8000 +1,000 tokens\/s +9\.0 s left/)
  t.match(runsIn(folder), [{ number: 1, outcome: 'Succeeded' }])
  t.notOk(existsSync(join(folder, '.attune/home/lock')), 'the lock is released')
  t.match(readFileSync(join(folder, '.attune/home/logs/train.log'), 'utf8'), /"msg":"started"/)
})

t.test('gives the stages a job file with every default', async t => {
  const folder = t.testdir()
  await attune(['run', jobIn(folder)]).ended
  t.match(JSON.parse(readFileSync(join(folder, '.attune/home/job.json'), 'utf8')), {
    apiVersion: 'attune.dev/v1alpha1',
    name: 'home',
    namespace: 'default',
    run: 1,
    spec: { training: { batchSize: 16, schedule: { type: 'Cosine' } } },
  })
})

t.test('says of a finished run that it is, and shows it again', async t => {
  const folder = t.testdir()
  const file = jobIn(folder)
  const first = await attune(['run', file]).ended
  const { code, stdout, stderr } = await attune(['run', file]).ended
  t.equal(code, 0, stderr)
  t.match(stderr, /run 1 of home is finished already; --again makes another/)
  t.equal(stdout, first.stdout)
  t.strictSame(callsIn(folder).slice(4), ['prepare 1'], 'only the data is looked at')
  t.match(runsIn(folder), [{ number: 1, outcome: 'Succeeded' }])
  t.notOk(existsSync(join(folder, 'out/run-2')))
})

const ANEW: Readonly<
  Record<string, (folder: string) => { args?: string[]; env?: Record<string, string> }>
> = {
  'when asked to': () => ({ args: ['--again'] }),
  'when the data has changed': () => ({ env: { FAKE_DIGEST: 'other' } }),
  'when its report is gone': folder => {
    rmSync(join(folder, 'out/run-1/report.html'))
    return {}
  },
  'when the manifest has changed': folder => {
    jobIn(folder, `${JOB}  training: {seed: 7}\n`)
    return {}
  },
}
for (const [name, change] of Object.entries(ANEW))
  t.test(`counts a run after a finished one ${name}`, async t => {
    const folder = t.testdir()
    const file = jobIn(folder)
    await attune(['run', file]).ended
    const { args = [], env = {} } = change(folder)
    const { code, stderr } = await attune(['run', file, ...args], env).ended
    t.equal(code, 0, stderr)
    t.match(stderr, /run 2 of home/)
    t.strictSame(
      callsIn(folder)
        .slice(4)
        .map(call => call.split(' ')[0]),
      ['prepare', 'train', 'evaluate', 'publish'],
      'no stage is run twice',
    )
    t.ok(existsSync(join(folder, 'out/run-2')))
  })

t.test('says what is wrong with the data of a finished run', async t => {
  const folder = t.testdir()
  const file = jobIn(folder)
  await attune(['run', file]).ended
  const { code, stderr } = await attune(['run', file], {
    FAKE_FAIL: 'prepare:SourceNotFound:66',
  }).ended
  t.equal(code, 66)
  t.match(stderr, /prepare failed: SourceNotFound/)
  t.match(runsIn(folder), [{ number: 1, outcome: 'Succeeded' }], 'the run stays what it was')
})

t.test('does not write over what another workspace published', async t => {
  const folder = t.testdir({ out: { 'run-7': {}, 'run-x': {} } })
  const { stdout } = await attune(['run', jobIn(folder)]).ended
  t.match(stdout, 'run-8')
})

t.test('an output that cannot be written is told before anything is done', async t => {
  const folder = t.testdir({ out: 'a file, where job.yaml wants a folder' })
  const { code, stderr } = await attune(['run', jobIn(folder)]).ended
  t.equal(code, 1)
  t.match(stderr, /spec\.output\.uri file:.*out: cannot be written \(EEXIST\); a file of that name/)
  t.notOk(existsSync(join(folder, '.attune/home/calls')), 'no stage has run')
})

t.test('ends with reason, message and exit code of a stage that fails', async t => {
  const folder = t.testdir()
  const file = jobIn(folder)
  const { code, stdout, stderr } = await attune(['run', file], {
    FAKE_FAIL: 'train:TrainingDiverged:76',
  }).ended
  t.equal(code, 76)
  t.equal(stdout, '')
  t.match(stderr, /train failed: TrainingDiverged\n {2}what is wrong\n {2}log: .*train\.log/)
  t.notMatch(stderr, /\n {4}at /, 'no stack trace')
  t.strictSame(callsIn(folder), ['prepare 1', 'train 1'])
  t.match(runsIn(folder), [{ number: 1, outcome: 'Failed', reason: 'TrainingDiverged' }])

  const again = await attune(['run', file]).ended
  t.match(again.stderr, /run 1 of home goes on/)
})

t.test('says so when a stage is killed', async t => {
  const folder = t.testdir()
  const { code, stderr } = await attune(['run', jobIn(folder)], { FAKE_CRASH: 'evaluate' }).ended
  t.equal(code, 137)
  t.match(stderr, /evaluate failed: OutOfMemory/)
})

t.test('publishes nothing when a gate does not hold', async t => {
  const folder = t.testdir()
  const { code, stdout, stderr } = await attune(['run', jobIn(folder)], { FAKE_GATES: 'fail' })
    .ended
  t.equal(code, 1)
  t.match(stdout, /FAILED {2}held-out\/exactMatch at least 0\.8: 0\.900/)
  t.match(stderr, /GatesNotPassed/)
  t.strictSame(callsIn(folder), ['prepare 1', 'train 1', 'evaluate 1'])
  t.match(runsIn(folder), [{ outcome: 'GatesNotPassed' }])
})

t.test('forgets what was made with --fresh', async t => {
  const folder = t.testdir()
  const file = jobIn(folder)
  await attune(['run', file], { FAKE_FAIL: 'publish:PublishFailed:1' }).ended
  t.ok(existsSync(join(folder, '.attune/home/evaluate')))
  const { stderr } = await attune(['run', file, '--fresh'], {
    FAKE_FAIL: 'prepare:SourceNotFound:66',
  }).ended
  t.match(stderr, /run 2 of home/)
  t.notOk(existsSync(join(folder, '.attune/home/evaluate')))
})

t.test('asks for the folder that stands for a claim', async t => {
  const folder = t.testdir({ models: {} })
  const file = jobIn(folder, JOB.replace('file://out', 'pvc://models/home'))
  const refused = await attune(['run', file]).ended
  t.equal(refused.code, 1)
  t.match(refused.stderr, /spec\.output\.uri: pvc:\/\/models .* --mount models=DIR/)
  const { code } = await attune(['run', file, '--mount', `models=${join(folder, 'models')}`]).ended
  t.equal(code, 0)
  t.ok(existsSync(join(folder, '.attune/home/claims/models')))
})

t.test('refuses a manifest that is not valid before it makes a workspace', async t => {
  const folder = t.testdir()
  const file = jobIn(folder, `${JOB}  trainig: {}\n`)
  const { code, stderr } = await attune(['run', file]).ended
  t.equal(code, 1)
  t.match(stderr, /job\.yaml:14:3: spec\.trainig: unknown field; did you mean training\?/)
  t.notOk(existsSync(join(folder, '.attune')))
})

t.test('refuses a workspace that cannot be made', async t => {
  const folder = t.testdir({ file: '' })
  const { code, stderr } = await attune([
    'run',
    jobIn(folder),
    '--workspace',
    join(folder, 'file/below'),
  ]).ended
  t.equal(code, 1)
  t.match(stderr, /below: cannot be written \(a part of the path is a file, not a folder\)/)
})

t.test('tells on request where the time of a step went', async t => {
  const folder = t.testdir()
  const { code, stdout, stderr } = await attune(['run', jobIn(folder), '--profile']).ended
  t.equal(code, 0, stderr)
  t.match(stdout, /2\.0 s a step of 2 micro-batches, measured over 4/)
  t.match(stdout, /MatMul +1\.500 +75\.0 % +8/)
  t.match(stdout, /layers\.0 +1\.500 +0\.000 +0\.000 +0\.000 +75\.0 %/)
  t.match(stdout, join(folder, '.attune/home/train/k/profile/profile.svg'))
})

t.test('says so where there was nothing to profile', async t => {
  const folder = t.testdir()
  const file = jobIn(folder)
  await attune(['run', file]).ended
  rmSync(join(folder, 'out/run-1/report.html'))
  const { stdout } = await attune(['run', file, '--profile'], { FAKE_TRAINED: 'before' }).ended
  t.match(stdout, 'no profile: training was done before; --fresh trains anew')
})
