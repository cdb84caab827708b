import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openMetricsLog } from '../../../../trainer-image/src/train/metrics-log.ts'

const entry = (step: number) => ({
  step,
  epoch: step / 10,
  loss: 1,
  learningRate: 0.1,
  gradientNorm: 1,
  tokens: step,
  tokensPerSecond: 1,
})

t.test('after a resume nothing stands twice', async t => {
  const path = join(t.testdir({}), 'metrics.jsonl')
  const first = await openMetricsLog(path, 0)
  for (const step of [1, 2, 3, 4]) await first.append(entry(step))
  await writeFile(path, '{"step": 5, "lo', { flag: 'a' })
  const second = await openMetricsLog(path, 2)
  for (const step of [3, 4]) await second.append(entry(step))
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  t.strictSame(
    lines.map(line => (JSON.parse(line) as { step: number }).step),
    [1, 2, 3, 4],
  )
})
