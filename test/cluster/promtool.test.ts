import { Registry } from 'prom-client'
import t from 'tap'
import { OPERATOR_METRICS } from '../../operator/src/metrics/definitions.ts'
import { TRAINER_METRICS } from '../../trainer-image/src/metric-definitions.ts'
import { filledText } from '../fixtures/metrics/filled.ts'
import { trainingScrape } from '../fixtures/metrics/training-scrape.ts'
import { run } from './run-command.ts'

t.test('promtool has no objection to the metrics', async t => {
  const processes = { operator: OPERATOR_METRICS, trainer: TRAINER_METRICS }
  for (const [name, definitions] of Object.entries(processes)) {
    const stdin = await filledText(definitions, new Registry())
    t.equal(await run('promtool', ['check', 'metrics'], { stdin, timeoutMs: 30_000 }), '', name)
  }
})

t.test('nor to what a training tells', async t => {
  const stdin = await trainingScrape(t)
  t.equal(await run('promtool', ['check', 'metrics'], { stdin, timeoutMs: 30_000 }), '')
})

t.test('promtool objects to a gauge that is called a total', async t => {
  const stdin = '# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n'
  await t.rejects(run('promtool', ['check', 'metrics'], { stdin, timeoutMs: 30_000 }), /_total/)
})
