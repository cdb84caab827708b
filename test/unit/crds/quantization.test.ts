import t from 'tap'
import { validateManifest } from '../../../crds/validate.ts'

const manifest = (method: string) => `apiVersion: attune.dev/v1alpha1
kind: InstructionTuningJob
metadata: {name: home}
spec:
  model:
    source: {uri: "hf://o/m"}
  dataset:
    sources:
      - uri: pvc://d/a.jsonl
  method: ${method}
  output: {uri: "pvc://m/h"}
`
const errorsOf = (method: string) => validateManifest(manifest(method), { mode: 'cluster' }).errors
const methodOf = (method: string) =>
  validateManifest(manifest(method), { mode: 'cluster' }).job!.spec.method

t.test('QLoRA has 4 bits in blocks of 32 where nothing else is given', async t => {
  for (const method of [
    '{type: QLoRA}',
    '{type: QLoRA, quantization: {bits: 8}}',
    '{type: QLoRA, quantization: {bits: 4, blockSize: 128}}',
    '{type: QLoRA, lora: {variant: DoRA}}',
  ])
    t.same(errorsOf(method), [], method)
  t.same(methodOf('{type: QLoRA, quantization: {}}').quantization, { bits: 4, blockSize: 32 })
})

t.test('LoRA knows of no quantization, as in the specs of before', async t => {
  t.notOk('quantization' in methodOf('{type: LoRA}'))
  for (const method of ['{type: LoRA, quantization: {bits: 4}}', '{quantization: {}}'])
    t.match(errorsOf(method), [{ message: /quantization is for QLoRA only/ }], method)
})

t.test('other numbers of bits and block sizes are refused', async t => {
  t.match(errorsOf('{type: QLoRA, quantization: {bits: 2}}'), [
    { path: 'spec.method.quantization.bits', message: /4 or 8/ },
  ])
  t.match(errorsOf('{type: QLoRA, quantization: {bits: "4"}}'), [
    { message: 'must be an integer, not "4" (leave out the quotes)' },
    { message: 'must be 4 or 8, not "4"' },
  ])
  t.match(errorsOf('{type: QLoRA, quantization: {blockSize: 48}}'), [
    { path: 'spec.method.quantization.blockSize', message: /16, 32, 64 or 128/ },
  ])
})
