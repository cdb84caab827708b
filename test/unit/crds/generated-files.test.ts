import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { chartFiles } from '../../../crds/chart-files.ts'
import { fieldReference } from '../../../crds/field-reference.ts'
import { type GeneratedFile, generatedFiles, MAX_CRD_BYTES } from '../../../crds/generated-files.ts'
import { INSTRUCTION_TUNING_JOB } from '../../../crds/instruction-tuning-job.ts'
import { KINDS } from '../../../crds/kinds.ts'

const repository = join(import.meta.dirname, '../../..')
const files = generatedFiles(INSTRUCTION_TUNING_JOB)

const isCrd = ({ path }: GeneratedFile) => path.startsWith('crds/')
const textOf = (start: string) => files.find(file => file.path.startsWith(start))?.text ?? ''

t.test('what is committed is what the definitions give', async t => {
  for (const { path, text } of [...KINDS.flatMap(generatedFiles), ...chartFiles()])
    t.equal(readFileSync(join(repository, path), 'utf8'), text, `${path}: npm run generate`)
})

t.test('each CRD fits into the annotation of kubectl apply', async t => {
  for (const { path, text } of KINDS.flatMap(generatedFiles).filter(isCrd))
    t.ok(Buffer.byteLength(text) < MAX_CRD_BYTES, path)
})

t.test('the CRD knows nothing of marks that are ours', async t => {
  t.notMatch(textOf('crds/'), /clusterOnly|~kind/)
})

t.test("the chart's copy is the CRD between Helm's conditions", async t => {
  const chart = textOf('charts/')
  const actions = chart.split('\n').filter(line => line.includes('{{'))
  t.strictSame(actions, [
    '{{- if .Values.crds.enabled }}',
    '  {{- if .Values.crds.keep }}',
    '  {{- end }}',
    '{{- end }}',
  ])
  const rendered = parse(chart.replaceAll(/^ *\{\{.*\n/gm, ''))
  t.strictSame(rendered.metadata.annotations, { 'helm.sh/resource-policy': 'keep' })
  delete rendered.metadata.annotations
  t.strictSame(rendered, parse(textOf('crds/')))
})

t.test('a description that Helm would read is refused', async t => {
  const schema = { ...INSTRUCTION_TUNING_JOB.schema, description: 'see {{ this }}' }
  t.throws(() => generatedFiles({ ...INSTRUCTION_TUNING_JOB, schema }), /Helm/)
})

t.test('the field reference names every field of the spec', async t => {
  const text = fieldReference(INSTRUCTION_TUNING_JOB)
  for (const [row, found] of [
    ['a default', '| `spec.training.batchSize` | integer | `16` | ≥ 1, ≤ 65536 |'],
    ['a required field', '| `spec.output.uri` | string | required |'],
    ['a list', '| `spec.dataset.sources` | list of object |  | 1–16 items |'],
    ['a closed set', '`Constant` `Linear` `Cosine`'],
    ['a rule', '**Rule:** give epochs or maxSteps, not both.'],
    ['a reason', '| `GatesNotPassed` | An evaluation gate does not hold; nothing is published. |'],
  ] as const)
    t.match(text, found, row)
})

t.test(
  'a part of the reference is linked from a table before it, and a long one comes last',
  async t => {
    const text = fieldReference(INSTRUCTION_TUNING_JOB)
    const overview = text.indexOf('| [`spec.training`](#spectraining) | object |')
    const parts = ['### `spec.model`', '### `spec.training`', '### `spec.retry`']
    const order = [...parts, '### `spec.podTemplate`', '## Status'].map(at =>
      text.indexOf(`\n${at}\n`),
    )
    t.ok(overview > 0)
    t.strictSame(
      [overview, ...order].toSorted((a, b) => a - b),
      [overview, ...order],
    )
    t.match(text, '\n#### `spec.podTemplate.affinity`\n', 'a long part has parts of its own')
  },
)

t.test('every field has a description', async t => {
  const undescribed = textOf('docs/')
    .split('\n')
    .filter(line => /^\| \[?`spec\./.test(line) && line.endsWith('|  |'))
  t.strictSame(undescribed, [])
})
