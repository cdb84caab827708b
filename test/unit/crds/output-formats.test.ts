import t from 'tap'
import { jobSpecProblems } from '../../../crds/check-job-spec.ts'
import { resolveSpec } from '../../../crds/defaults.ts'
import { ggufTypeOf, outputFormats } from '../../../crds/output-formats.ts'

const spec = (output: object, method: object = {}) => ({
  model: { source: { uri: 'hf://owner/model' } },
  dataset: { sources: [{ uri: 'pvc://data/train.jsonl' }] },
  method,
  output: { uri: 'pvc://models/home', ...output },
})
const problems = (output: object, method?: object) =>
  jobSpecProblems(spec(output, method), 'cluster').map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  )

t.test('formats are listed in one order; without any it is the adapter', async t => {
  const formats = (output: object) => outputFormats(resolveSpec(spec(output) as never))
  t.strictSame(formats({}), ['Adapter'])
  t.strictSame(formats({ formats: ['GGUF', 'Adapter'] }), ['Adapter', 'GGUF'])
})

t.test('a GGUF is in halves unless asked for otherwise', async t => {
  const type = (gguf?: object) =>
    ggufTypeOf(resolveSpec(spec({ formats: ['GGUF'], ...(gguf ? { gguf } : {}) }) as never))
  t.equal(type(), 'F16')
  t.equal(type({}), 'F16')
  t.equal(type({ type: 'Q8_0' }), 'Q8_0')
})

t.test('what cannot be meant is refused', async t => {
  t.strictSame(problems({ formats: ['Merged', 'ONNX', 'GGUF'], gguf: { type: 'Q8_0' } }), [])
  t.match(problems({ formats: ['Merged'], gguf: {} }), [/output: gguf is of the format GGUF/])
  t.match(problems({ gguf: {} }), [/output: gguf is of the format GGUF/])
  t.match(problems({ formats: [] }), [/output\.formats/])
  t.match(problems({ formats: ['Torch'] }), [/output\.formats/])
  t.match(problems({ formats: ['Merged', 'Merged'] }), [/output\.formats/])
})
