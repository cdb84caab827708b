import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import t from 'tap'
import type { MetricDefinition } from '../../../../crds/metrics/metric-definition.ts'
import { PROCESS_METRICS } from '../../../../crds/metrics/process-metrics.ts'
import { METRICS_PAGE, metricsPage } from '../../../../docs/generate/metrics-page.ts'
import { OPERATOR_METRICS } from '../../../../operator/src/metrics/definitions.ts'
import { TRAINER_METRICS } from '../../../../trainer-image/src/metric-definitions.ts'
import { filledText } from '../../../fixtures/metrics/filled.ts'

const repository = join(import.meta.dirname, '../../../..')
const tables: Readonly<Record<string, Readonly<Record<string, MetricDefinition>>>> = {
  operator: OPERATOR_METRICS,
  trainer: TRAINER_METRICS,
}

t.test('the page that is committed is what the definitions give', async t => {
  const committed = readFileSync(join(repository, METRICS_PAGE), 'utf8')
  t.equal(committed, metricsPage(), `${METRICS_PAGE}: npm run generate`)
})

/** https://prometheus.io/docs/practices/naming */
t.test('names keep to the conventions', async t => {
  for (const { name, type, help } of Object.values(tables).flatMap(
    Object.values<MetricDefinition>,
  )) {
    t.match(name, /^attune_[a-z0-9]+(_[a-z0-9]+)*$/)
    t.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`)
    t.notMatch(name, /_(ms|milliseconds|minutes|kib|mib|count|sum|bucket)(_total)?$/)
    t.match(help, /^[A-Z0-9].*\.$/, `${name}: a sentence`)
  }
})

t.test('no label can hold the name of a job', async t => {
  for (const { name, labels = {} } of Object.values(OPERATOR_METRICS) as MetricDefinition[])
    for (const label of ['job', 'name', 'pod', 'run', 'uid', 'key'])
      t.notOk(Object.hasOwn(labels, label), `${name} has no label ${label}`)
})

t.test('a scrape holds what the page documents, and nothing else', async t => {
  for (const [process, definitions] of Object.entries(tables)) {
    const text = await filledText(definitions, new Registry())
    const told = [...text.matchAll(/^# HELP (\S+)/gm)].map(([, name = '']) => name)
    const documented = [...Object.values(definitions), ...PROCESS_METRICS].map(({ name }) => name)
    t.strictSame(told.toSorted(), documented.toSorted(), process)
    const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)/gm)].map(([, a, b]) => [a, b]))
    for (const { name, type } of [...Object.values(definitions), ...PROCESS_METRICS])
      t.equal(types.get(name), type, name)
  }
})
