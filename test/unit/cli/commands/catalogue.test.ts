import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { attune, JOB, jobIn } from '../../../fixtures/cli/attune.ts'

const baseModel = (name: string, parameters = '135M') => `apiVersion: attune.dev/v1alpha1
kind: BaseModel
metadata:
  name: ${name}
spec:
  source:
    uri: file://models/${name}
  parameters: ${parameters}
  architecture: LlamaForCausalLM
`
const SOURCE = / {4}source:\n.*file:\/\/model\n/
const WITH_REF = JOB.replace(SOURCE, '    ref:\n      name: small\n')
const WITH_SELECTOR = JOB.replace(
  SOURCE,
  '    selector:\n      require: {maxParameters: 1B}\n      weights: {parameters: 1}\n',
)
const modelIn = (folder: string) =>
  JSON.parse(readFileSync(join(folder, '.attune/home/job.json'), 'utf8')).spec.model

t.test('a BaseModel of the same file stands for its source', async t => {
  const folder = t.testdir()
  const manifest = jobIn(folder, `${WITH_REF}---\n${baseModel('small')}`)
  const { code, stderr } = await attune(['plan', manifest]).ended
  t.equal(code, 0)
  t.match(stderr, 'model small: file://models/small')
  t.strictSame(modelIn(folder), { source: { uri: 'file://models/small' } })
})

t.test('a selector chooses from a folder', async t => {
  const folder = t.testdir({
    catalogue: {
      'a.yaml': `${baseModel('small')}---\n${baseModel('huge', '7B')}`,
      'b.yml': baseModel('large', '700M'),
      'c.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n',
      'notes.txt': 'not read',
    },
    plan: {},
    run: {},
  })
  for (const command of ['plan', 'run']) {
    const manifest = jobIn(join(folder, command), WITH_SELECTOR)
    const options = ['--catalogue', join(folder, 'catalogue')]
    const { code, stderr } = await attune([command, manifest, ...options]).ended
    t.equal(code, 0, `${command}: ${stderr}`)
    t.match(stderr, 'model large: file://models/large')
  }
})

t.test('what is not there is told with its place, and where to put it', async t => {
  for (const [text, message] of [
    [WITH_REF, /job\.yaml:7:5: spec\.model\.ref: BaseModel small does not exist/],
    [WITH_SELECTOR, /spec\.model\.selector: the catalogue holds no BaseModel/],
    [
      `${WITH_SELECTOR}---\n${baseModel('huge', '7B')}`,
      /none of 1 BaseModels fits; the nearest: huge \(parameters 7B, needs at most 1B\)/,
    ],
    [
      `${WITH_REF}---\n${baseModel('small')}---\n${baseModel('small')}`,
      /BaseModel small stands twice in the catalogue/,
    ],
  ] as const) {
    const manifest = jobIn(t.testdir(), text)
    const ran = await attune(['run', manifest]).ended
    t.equal(ran.code, 1)
    t.match(ran.stderr, message)
    t.match(ran.stderr, '--catalogue FOLDER')
    const validated = await attune(['validate', '--local', manifest]).ended
    t.equal(validated.code, 1)
    t.match(validated.stdout, message)
    t.match(validated.stdout, '--catalogue FOLDER')
  }
})

t.test('a broken entry is told by its own file', async t => {
  const folder = t.testdir({ catalogue: { 'a.yaml': baseModel('small', 'many') } })
  const options = ['--catalogue', join(folder, 'catalogue')]
  const { code, stderr } = await attune(['run', jobIn(folder, WITH_REF), ...options]).ended
  t.equal(code, 1)
  t.match(stderr, /a\.yaml:8:15: spec\.parameters: must be a count with K, M, B or T/)
})

t.test('a folder that is not there', async t => {
  const manifest = jobIn(t.testdir(), WITH_REF)
  const { code, stderr } = await attune(['run', manifest, '--catalogue', '/absent']).ended
  t.equal(code, 1)
  t.match(stderr, '--catalogue /absent: cannot be read (no such file or folder)')
})

t.test("a cluster's catalogue is not known here", async t => {
  const file = join(t.testdir(), 'job.yaml')
  const uris: readonly [RegExp, string][] = [
    [/file:\/\/out/g, 'pvc://models/home'],
    [/file:\/\//g, 'pvc://data/'],
  ]
  writeFileSync(
    file,
    uris.reduce((text, [from, to]) => text.replace(from, to), WITH_REF),
  )
  const { code, stdout } = await attune(['validate', file]).ended
  t.equal(code, 0, stdout)
})

t.test('BaseModels alone are valid', async t => {
  const folder = t.testdir({ 'a.yaml': `${baseModel('a')}---\n${baseModel('b')}` })
  const file = join(folder, 'a.yaml')
  t.equal((await attune(['validate', '--local', file]).ended).stdout, `${file}: valid (a, b)\n`)
  const { code, stderr } = await attune(['run', file]).ended
  t.equal(code, 1)
  t.match(stderr, 'holds no InstructionTuningJob')
})
