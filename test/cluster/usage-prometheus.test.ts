/** `attune usage` against Debian's Prometheus, whose history of eight days is written beforehand. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { AttuneOperator } from '../../deploy/components/attune-operator.ts'
import { kubernetesObjects, registeredBy } from '../../deploy/render.ts'
import { attune } from '../fixtures/cli/attune.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { startComponent } from './component.ts'
import { freePorts } from './ports.ts'
import { run } from './run-command.ts'
import { openRun } from './run-record.ts'

const MINUTE = 60
const DAY = 86_400
const NOW = Math.floor(Date.now() / 1000)

type Series = {
  readonly labels: Readonly<Record<string, string>>
  readonly fromDay: number
  readonly untilDay: number
  /** value as a function of days before now */
  readonly value: (daysAgo: number) => number
}

const series = (
  labels: Series['labels'],
  fromDay: number,
  untilDay: number,
  value: Series['value'],
): Series => ({ labels: { job: 'attune', ...labels }, fromDay, untilDay, value })

const lines = (name: string, { labels, fromDay, untilDay, value }: Series): readonly string[] => {
  const set = Object.entries(labels).map(([label, text]) => `${label}="${text}"`)
  const out: string[] = []
  for (let at = NOW - fromDay * DAY; at <= NOW - untilDay * DAY; at += 2 * MINUTE)
    out.push(`${name}{${set.join(',')}} ${value((NOW - at) / DAY)} ${at}`)
  return out
}

const family = (name: string, type: 'counter' | 'gauge', all: readonly Series[]): string => {
  const base = type === 'counter' ? name.replace(/_total$/, '') : name
  return [`# TYPE ${base} ${type}`, ...all.flatMap(one => lines(name, one))].join('\n')
}

const gpu = { resource: 'nvidia.com/gpu' }
/** The first operator ran for long; the second took over three days ago. */
const first = { instance: 'first:8080' }
const second = { instance: 'second:8080' }
/** Has run for long, and is scraped only since yesterday. */
const late = { instance: 'late:8080' }

const HISTORY = `${[
  family('process_start_time_seconds', 'gauge', [
    series(first, 8, 3, () => NOW - 20 * DAY),
    series(second, 3, 0, () => NOW - 3 * DAY - MINUTE),
    series(late, 1, 0, () => NOW - 20 * DAY),
  ]),
  family('attune_accelerator_seconds_total', 'counter', [
    // 7000 a day: 28,000 within the last seven
    series({ ...first, ...gpu, namespace: 'team-a' }, 8, 3, ago => 50_000 + 7000 * (8 - ago)),
    // held 500 at its first scrape and rose by 3000
    series({ ...second, ...gpu, namespace: 'team-a' }, 3, 0, ago => 500 + 1000 * (3 - ago)),
    series({ ...second, namespace: 'team-a', resource: 'amd.com/gpu' }, 3, 0, () => 60),
    series({ ...second, ...gpu, namespace: 'team-b' }, 2, 0, () => 600),
    series({ ...late, ...gpu, namespace: 'team-c' }, 1, 0, () => 99_999),
  ]),
  family('attune_runs_total', 'counter', [
    series({ ...first, namespace: 'team-a', outcome: 'Succeeded' }, 8, 3, ago =>
      ago > 5 ? 40 : 44,
    ),
    series({ ...second, namespace: 'team-a', outcome: 'Failed' }, 3, 0, () => 1),
    series({ ...second, namespace: 'team-b', outcome: 'Succeeded' }, 2, 0, ago =>
      ago > 1 ? 0 : 2,
    ),
  ]),
  family('attune_jobs', 'gauge', [
    series({ ...first, namespace: 'team-a', phase: 'Training' }, 8, 3, () => 3),
    series({ ...first, namespace: 'team-a', phase: 'Pending' }, 6, 5, () => 4),
    series({ ...second, namespace: 'team-a', phase: 'Training' }, 3, 0, () => 2),
    series({ ...second, namespace: 'team-b', phase: 'Succeeded' }, 2, 0, () => 1),
  ]),
].join('\n')}\n# EOF\n`

type Teardown = { teardown(work: () => Promise<void>): void }

/** A pod of team-a that carries a trainer's labels, and tells what only the operator knows. */
const FORGED = [
  '# TYPE attune_training_loss gauge\nattune_training_loss 0.5',
  `# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds ${NOW - MINUTE}`,
  '# TYPE attune_accelerator_seconds_total counter',
  'attune_accelerator_seconds_total{resource="nvidia.com/gpu"} 1e9',
  '# TYPE attune_runs_total counter\nattune_runs_total{outcome="Succeeded"} 1e6',
  '# TYPE attune_jobs gauge\nattune_jobs{phase="Training"} 1e6\n',
].join('\n')

const forger = async (t: Teardown): Promise<string> => {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4')
    response.end(FORGED)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    server.close()
    server.closeAllConnections()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

type Relabeling = {
  readonly sourceLabels: readonly string[]
  readonly regex: string
  readonly action: string
}

/** What the Prometheus operator makes of our PodMonitor, as far as metrics are concerned. */
const scrapeOf = async (target: string) => {
  const install = () => new AttuneOperator('attune', { podMonitor: { enabled: true } })
  const objects = kubernetesObjects(await registeredBy(install))
  const { spec } = objects['PodMonitor/attune-trainer'] as unknown as {
    spec: { podMetricsEndpoints: readonly { metricRelabelings: readonly Relabeling[] }[] }
  }
  const rules = spec.podMetricsEndpoints.flatMap(({ metricRelabelings }) => metricRelabelings)
  return {
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    scrape_configs: [
      {
        job_name: 'trainer',
        static_configs: [{ targets: [target], labels: { namespace: 'team-a' } }],
        metric_relabel_configs: rules.map(({ sourceLabels, ...rule }) => ({
          ...rule,
          source_labels: sourceLabels,
        })),
      },
    ],
  }
}

const prometheusWith = async (t: Teardown, history: string, config: object): Promise<string> => {
  const record = openRun()
  t.teardown(() => record.clean())
  const data = join(record.folder, 'data')
  mkdirSync(data)
  writeFileSync(join(record.folder, 'history.txt'), history)
  // JSON is YAML
  writeFileSync(join(record.folder, 'prometheus.yml'), JSON.stringify(config))
  const file = join(record.folder, 'history.txt')
  await run('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', file, data])
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  await startComponent(record, {
    name: 'prometheus',
    command: 'prometheus',
    args: [
      `--config.file=${join(record.folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${data}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    isReady: () =>
      fetch(`${url}/-/ready`).then(
        reply => reply.ok,
        () => false,
      ),
  })
  return url
}

type Figures = {
  readonly namespace: string
  readonly jobs: number
  readonly runs: number
  readonly acceleratorSecondsByResource: Readonly<Record<string, number>>
}

t.test('usage from Prometheus', { timeout: 120_000 }, async t => {
  const url = await prometheusWith(t, HISTORY, await scrapeOf(await forger(t)))
  await eventually(async () => {
    const reply = await fetch(`${url}/api/v1/query?query=attune_training_loss`)
    if (!(await reply.text()).includes('team-a')) throw new Error('the pod is not scraped yet')
  })
  const ask = async (...args: readonly string[]) =>
    await attune(['usage', '--prometheus', url, ...args]).ended

  await t.test(
    'adds up across restarts of the operator, and nothing that a tenant tells',
    async t => {
      const { stdout, stderr, code } = await ask('--json')
      t.equal(code, 0, stderr)
      const { namespaces, source } = JSON.parse(stdout) as {
        namespaces: readonly Figures[]
        source: object
      }
      t.strictSame(source, { prometheus: url, sinceSeconds: 7 * DAY })
      const [a, b, c] = namespaces
      t.match(
        [a, b, c].map(each => each?.namespace),
        ['team-a', 'team-b', 'team-c'],
      )
      const used = a?.acceleratorSecondsByResource['nvidia.com/gpu'] ?? 0
      // Prometheus extrapolates by a scrape interval at most
      t.ok(Math.abs(used - 31_500) < 50, `28,000 and 3,500 are ${used}`)
      t.equal(a?.acceleratorSecondsByResource['amd.com/gpu'], 60)
      t.match(a, { jobs: 7, runs: 5 })
      t.match(b, { jobs: 1, runs: 2, acceleratorSecondsByResource: { 'nvidia.com/gpu': 600 } })
      t.equal(
        c?.acceleratorSecondsByResource['nvidia.com/gpu'],
        0,
        'what a counter held before anybody scraped it is of another time',
      )
    },
  )

  await t.test('of one namespace, for people', async t => {
    const { stdout, code } = await ask('-n', 'team-b', '--since', '36h')
    t.equal(code, 0)
    t.match(stdout, /^namespace +jobs +runs +accelerator +seconds +hours\n/)
    t.match(stdout, /^team-b +1 +2 +nvidia\.com\/gpu +0 +0\.00$/m, 'nothing in the last 36 hours')
    t.notMatch(stdout, 'team-a')
  })

  await t.test('says so where nothing is known', async t => {
    const { stderr, code } = await ask('-n', 'nobody')
    t.equal(code, 1)
    t.match(stderr, /knows nothing of namespace nobody in the last 7d/)
    t.notMatch(stderr, /\n\s+at /)
  })
})
