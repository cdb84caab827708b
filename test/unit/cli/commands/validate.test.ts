import { join } from 'node:path'
import t from 'tap'
import { attune, JOB } from '../../../fixtures/cli/attune.ts'

/** What the job reads, beside it. */
const FILES = { model: { 'config.json': '{}' }, 'train.jsonl': '' }

t.test('says that a file is valid', async t => {
  const file = join(t.testdir({ ...FILES, 'job.yaml': JOB }), 'job.yaml')
  const { code, stdout } = await attune(['validate', '--local', file]).ended
  t.equal(code, 0)
  t.equal(stdout, `${file}: valid (home)\n`)
})

t.test('shows each error with its line, in every file', async t => {
  const folder = t.testdir({ 'a.yaml': JOB, 'b.yaml': 'kind: [' })
  const a = join(folder, 'a.yaml')
  const { code, stdout } = await attune(['validate', a, join(folder, 'b.yaml')]).ended
  t.equal(code, 1)
  t.match(
    stdout,
    `${a}:8:12: spec.model.source.uri: file:// works only with \`attune run\`; use pvc://, hf:// or https://
  8 |       uri: file://model
    |            ^
`,
  )
  t.match(stdout, 'for `attune run`, check with --local\n')
  t.match(stdout, /b\.yaml:1:/)
})

t.test('goes on after a file that cannot be read', async t => {
  const folder = t.testdir({ ...FILES, 'job.yaml': JOB })
  const files = [join(folder, 'absent.yaml'), folder, join(folder, 'job.yaml')]
  const { code, stdout, stderr } = await attune(['validate', '--local', ...files]).ended
  t.equal(code, 1)
  t.equal(stderr, '')
  t.match(
    stdout,
    /absent\.yaml: cannot be read \(no such file or folder\)\n.*cannot be read \(is a folder, not a file\)\n.*valid/,
  )
})

t.test('prints JSON for programs', async t => {
  const file = join(t.testdir({ 'job.yaml': JOB }), 'job.yaml')
  const { code, stdout } = await attune(['validate', '-o', 'json', file]).ended
  t.equal(code, 1)
  t.match(JSON.parse(stdout), {
    files: [
      {
        file,
        jobs: [],
        errors: [
          { path: 'spec.model.source.uri', line: 8, column: 12, reason: 'FieldValueInvalid' },
          { path: 'spec.dataset.sources[0].uri' },
          { path: 'spec.output.uri' },
        ],
      },
    ],
  })
})

t.test('reads standard input, and its paths from the current folder', async t => {
  const folder = t.testdir(FILES)
  const text = JOB.replaceAll('file://', `file://${folder}/`)
  const { code, stdout } = await attune(['validate', '--local', '-'], {}, text).ended
  t.equal(code, 0, stdout)
  const { stdout: other } = await attune(['validate', '--local', '-'], {}, JOB).ended
  t.match(other, `there is no model in ${process.cwd()}`)
})

t.test('looks for the files that a run would read, and whether it could write', async t => {
  const folder = t.testdir({ model: {}, out: 'a file', 'job.yaml': JOB })
  const file = join(folder, 'job.yaml')
  const { code, stdout } = await attune(['validate', '--local', file]).ended
  t.equal(code, 1)
  t.match(
    stdout,
    `${file}:11:14: spec.dataset.sources[0].uri: SourceNotFound: file://${folder}/train.jsonl does not exist: there is no train.jsonl in ${folder}; check the path`,
  )
  t.match(
    stdout,
    /job\.yaml:\d+:\d+: spec\.output\.uri: PublishFailed: .*cannot be written \(EEXIST\)/,
  )
  t.notMatch(stdout, 'spec.model', 'what is there is fine')
  const dataset = DATASET.replace('pvc://datasets/home.jsonl', 'file://absent.jsonl')
  const ended = await attune(['validate', '--local', '-'], {}, dataset).ended
  t.match(ended.stdout, /^-:5:20: spec\.sources\[0\]\.uri: SourceNotFound: /)
})

const EXPERIMENT = `apiVersion: attune.dev/v1alpha1
kind: TuningExperiment
metadata: { name: search }
spec:
  template:
    model: { source: { uri: hf://owner/model } }
    dataset: { sources: [{ uri: pvc://datasets/home.jsonl }] }
    output: { uri: pvc://models/home }
  strategy: { type: Grid }
  parameters:
    - path: method.lora.rank
      values: [8, 5000]
`
const DATASET = `apiVersion: attune.dev/v1alpha1
kind: InstructionDataset
metadata: { name: home }
spec:
  sources: [{ uri: pvc://datasets/home.jsonl }]
`

t.test('checks the trials of an experiment, among objects of other kinds', async t => {
  const text = `${DATASET}---\n${EXPERIMENT}`
  const { code, stdout } = await attune(['validate', '-'], {}, text).ended
  t.equal(code, 1)
  t.equal(
    stdout,
    `-:18:19: spec.parameters[0].values[1]: trial 2 ({"method.lora.rank":5000}): spec.method.lora.rank must be at most 512, not 5000
  18 |       values: [8, 5000]
     |                   ^
`,
  )
  const fine = await attune(['validate', '-'], {}, text.replace('5000', '16')).ended
  t.equal(fine.stdout, '-: valid (home, search)\n')
})

t.test('every command has help with examples', async t => {
  for (const command of ['validate', 'plan', 'run']) {
    const { code, stdout } = await attune([command, '--help']).ended
    t.equal(code, 0)
    t.match(stdout, new RegExp(`Examples:\n {2}attune ${command} `))
  }
  t.match((await attune(['--version']).ended).stdout, /^\d+\.\d+\.\d+\n$/)
})
