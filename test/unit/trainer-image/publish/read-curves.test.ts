import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readCurves } from '../../../../trainer-image/src/publish/read-curves.ts'

const write = async (folder: string, lines: readonly (object | string)[]) => {
  const path = join(folder, 'metrics.jsonl')
  const text = lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line)))
  await writeFile(path, `${text.join('\n')}\n`)
  return path
}

const aStep = (step: number, loss = 1) => ({ step, loss, learningRate: 0.1, gradientNorm: 2 })

t.test('reads steps and validations, and passes over what is neither', async t => {
  const validation = { step: 2, validationLoss: 3, validationTokenAccuracy: 0.5 }
  const path = await write(t.testdir(), [
    aStep(1),
    aStep(2),
    validation,
    'null',
    { step: 3 },
    '{"step": 4, "lo',
  ])
  t.same(await readCurves(path), { steps: [aStep(1), aStep(2)], validation: [validation] })
})

t.test('a long curve is thinned by averaging, to its last step', async t => {
  const path = await write(
    t.testdir(),
    Array.from({ length: 5000 }, (_, index) => aStep(index + 1, index % 2)),
  )
  const { steps } = await readCurves(path)
  t.ok(steps.length > 500 && steps.length <= 1000, `${steps.length} points`)
  t.equal(steps.at(-1)?.step, 5000)
  t.ok(steps.every((point, index) => index === 0 || point.step > (steps[index - 1]?.step ?? 0)))
  t.ok(steps.slice(0, -1).every(point => point.loss === 0.5))
})
