/** Usage for people: a row for each namespace and resource, and their sum. */
import { totalOf, type Usage } from '../usage/usage.ts'
import { count, oneLine, table } from './format.ts'

const SECONDS_PER_HOUR = 3600
const HEAD = ['namespace', 'jobs', 'runs', 'accelerator', 'seconds', 'hours']

const rowsOf = ({ namespace, jobs, runs, acceleratorSeconds }: Usage): string[][] => {
  const used = Object.entries(acceleratorSeconds).map(([resource, seconds]) => [
    resource,
    count(seconds),
    (seconds / SECONDS_PER_HOUR).toFixed(2),
  ])
  const [first = ['-', '0', '0.00'], ...more] = used
  return [
    [namespace, count(jobs), count(runs), ...first],
    ...more.map(cells => ['', '', '', ...cells]),
  ]
}

export const usageText = (usages: readonly Usage[]): string => {
  const rows = usages.flatMap(rowsOf)
  const total = usages.length > 1 ? rowsOf({ namespace: 'total', ...totalOf(usages) }) : []
  // Prometheus may tell of namespaces that no API server has named
  const cells = [...rows, ...total].map(row => row.map(oneLine))
  return table([HEAD, ...cells], [0, 3])
}
