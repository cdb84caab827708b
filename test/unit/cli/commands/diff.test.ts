import { join } from 'node:path'
import t, { type Test } from 'tap'
import { attune, JOB } from '../../../fixtures/cli/attune.ts'
import { aPublishedRun } from '../../../fixtures/cli/published-run.ts'

t.test('tells what changed, and what came of it', async t => {
  const folder = t.testdir({
    'run-3': aPublishedRun(3, 0.8),
    'run-4': aPublishedRun(4, 0.9, {
      spec: { training: { learningRate: 0.001 } },
      provenance: {
        data: [{ uri: 'pvc://datasets/home.jsonl', digest: 'f00d'.padEnd(64, '1') }],
      },
    }),
  })
  const { code, stdout, stderr } = await attune([
    'diff',
    join(folder, 'run-3'),
    join(folder, 'run-4'),
  ]).ended
  t.equal(stderr, '')
  t.equal(code, 0)
  t.equal(
    stdout,
    `run-3 → run-4 of team-a/home

spec
                         run-3   run-4
  training.learningRate  0.0002  0.001

data
                             run-3                 run-4
  pvc://datasets/home.jsonl  sha256 ab12cd34ef56…  sha256 f00d11111111…

scores of the tuned model
                       run-3  run-4  change
  held-out/exactMatch  0.800  0.900  +0.100
  score                0.800  0.900  +0.100

slices that changed most
                              run-3  run-4  change
  held-out/exactMatch lights  0.800  0.900  +0.100
  held-out/exactMatch doors   0.800  0.900  +0.100
`,
  )
})

t.test('names the runs of a manifest by number', async t => {
  const output = () => ({ 'run-1': aPublishedRun(1, 0.5), 'run-2': aPublishedRun(2, 0.5) })
  const inCluster = JOB.replaceAll('file://out', 'pvc://models/home')
  const folder = t.testdir({
    'job.yaml': JOB,
    'cluster.yaml': inCluster,
    out: output(),
    models: { home: output() },
  })
  const same = /^run-1 → run-2 of team-a\/home\n\nspec, base model and data are the same\n/
  const local = await attune(['diff', '-f', join(folder, 'job.yaml'), '1', 'run-2']).ended
  t.match(local.stdout, same)
  const file = join(folder, 'cluster.yaml')
  const mount = ['--mount', `models=${join(folder, 'models')}`]
  t.match((await attune(['diff', '-f', file, '1', '2', ...mount]).ended).stdout, same)
  const without = await attune(['diff', '-f', file, '1', '2']).ended
  t.equal(without.code, 1)
  t.match(without.stderr, '--mount models=DIR')
})

t.test('tells of what is on one side only', async t => {
  const { stdout } = await attune([
    'diff',
    '-o',
    'json',
    ...runs(t, aPublishedRun(1, 0.5), aPublishedRun(2, 0.5, { metrics: { evaluation: {} } })),
  ]).ended
  t.match(JSON.parse(stdout), {
    metrics: [{ name: 'held-out/exactMatch', before: 0.5, after: undefined }],
    spec: [],
  })
})

type Run = Readonly<Record<string, string>>

const runs = (t: Test, before: Run, after: Run) => {
  const folder = t.testdir({ 'run-1': before, 'run-2': after })
  return [join(folder, 'run-1'), join(folder, 'run-2')]
}

const whole = aPublishedRun(1, 0.5)
const broken: Readonly<Record<string, readonly [Run, RegExp]>> = {
  'a folder without a run': [
    {},
    /run-2\/provenance\.json: cannot be read \(no such file or folder\); name the fol/,
  ],
  'a file that is no JSON': [
    { ...whole, 'metrics.json': '{' },
    /run-2\/metrics\.json: is not a JSON object/,
  ],
  'a field of another kind': [
    aPublishedRun(2, 0.5, { provenance: { data: 'all' } }),
    /run-2\/provenance\.json: data is not a list/,
  ],
  'a score that is no number': [
    aPublishedRun(2, 0.5, { metrics: { score: 'good' } }),
    /run-2\/metrics\.json: score is not a number/,
  ],
}
t.test('says what is wrong with a run', async t => {
  for (const [name, [run, message]] of Object.entries(broken)) {
    const { code, stdout, stderr } = await attune(['diff', ...runs(t, whole, run)]).ended
    t.equal(code, 1, name)
    t.equal(stdout, '', name)
    t.match(stderr, message, name)
    t.notMatch(stderr, /\n +at /, `${name}: no stack trace`)
  }
})

t.test('prints nothing that steers a terminal', async t => {
  const spec = { note: '\u001b[2Jgone', '\u001b]0;title\u0007': 1 }
  const run = aPublishedRun(2, 0.5, { provenance: { spec } })
  const { code, stdout } = await attune(['diff', ...runs(t, whole, run)]).ended
  t.equal(code, 0)
  t.match(stdout, 'gone')
  t.notOk(stdout.includes('\u001b') || stdout.includes('\u0007'))
})

t.test('takes a spec that is nested without end', async t => {
  const deep = aPublishedRun(2, 0.5, { provenance: { spec: { deep: 0 } } })
  const text = deep['provenance.json'].replace(
    '"deep":0',
    `"deep":${'['.repeat(5000)}${']'.repeat(5000)}`,
  )
  const { code, stderr } = await attune([
    'diff',
    ...runs(t, whole, { ...deep, 'provenance.json': text }),
  ]).ended
  t.equal(stderr, '')
  t.equal(code, 0)
})

t.test('a run that is no number is told apart', async t => {
  const file = join(t.testdir({ 'job.yaml': JOB }), 'job.yaml')
  const { code, stderr } = await attune(['diff', '-f', file, 'first', '2']).ended
  t.equal(code, 1)
  t.match(stderr, 'first: with --file write the number of a run, such as 3')
})
