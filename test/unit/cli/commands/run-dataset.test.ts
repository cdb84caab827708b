import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { attune, JOB, jobIn } from '../../../fixtures/cli/attune.ts'

const DATASET = `apiVersion: attune.dev/v1alpha1
kind: InstructionDataset
metadata:
  name: pairs
spec:
  sources:
    - uri: file://train.jsonl
  systemPrompt: Be brief.
  volume:
    size: 1Gi
`
const WITH_REF = JOB.replace(/ {4}sources:\n.*\n/, '    ref:\n      name: pairs\n')
const specIn = (folder: string) =>
  JSON.parse(readFileSync(join(folder, '.attune/home/job.json'), 'utf8')).spec

t.test('a dataset of the same file is read as if it stood in the job', async t => {
  const folder = t.testdir()
  const { code } = await attune(['plan', jobIn(folder, `${WITH_REF}---\n${DATASET}`)]).ended
  t.equal(code, 0)
  const { dataset } = specIn(folder)
  t.strictSame(dataset, {
    sources: [{ uri: 'file://train.jsonl', format: 'Auto' }],
    systemPrompt: 'Be brief.',
    validation: {},
    quality: { minExamples: 1, maxDuplicateFraction: 1 },
    lossOn: 'Response',
  })
})

t.test('one that is not in the file is asked for', async t => {
  for (const [text, message] of [
    [WITH_REF, /spec\.dataset\.ref: no InstructionDataset pairs in namespace default of this file/],
    [
      `${WITH_REF}---\n${DATASET.replace('name: pairs', 'name: pairs\n  namespace: other')}`,
      /no InstructionDataset pairs in namespace default/,
    ],
    [
      `${WITH_REF}---\n${DATASET}---\n${DATASET}`,
      /:29:9: metadata\.name: stands in this text twice, first in line 15/,
    ],
    [
      `${WITH_REF}---\n${DATASET.replace('systemPrompt', 'systemprompt')}`,
      /did you mean systemPrompt\?/,
    ],
  ] as const) {
    const { code, stderr } = await attune(['plan', jobIn(t.testdir(), text)]).ended
    t.equal(code, 1)
    t.match(stderr, message)
  }
})

t.test('a file of datasets is valid without a job, and nothing that can be run', async t => {
  const file = jobIn(t.testdir({ 'train.jsonl': '' }), DATASET)
  const { stdout } = await attune(['validate', '--local', file]).ended
  t.equal(stdout, `${file}: valid (pairs)\n`)
  const { code, stderr } = await attune(['run', file]).ended
  t.equal(code, 1)
  t.match(stderr, /holds no InstructionTuningJob/)
})
