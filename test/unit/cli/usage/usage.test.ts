import t from 'tap'
import { samplesOf } from '../../../../cli/src/usage/prometheus-client.ts'
import { parseSince } from '../../../../cli/src/usage/since.ts'
import { totalOf } from '../../../../cli/src/usage/usage.ts'
import { usageFromPrometheus } from '../../../../cli/src/usage/usage-from-prometheus.ts'
import { usageOfJobs } from '../../../../cli/src/usage/usage-of-jobs.ts'
import { usageText } from '../../../../cli/src/view/usage-text.ts'

const job = (namespace: string, run: number, seconds?: number, resource?: string) => ({
  metadata: { name: 'home', namespace },
  status: {
    run,
    ...(seconds === undefined ? {} : { acceleratorSeconds: seconds }),
    ...(resource && seconds ? { acceleratorSecondsByResource: { [resource]: seconds } } : {}),
  },
})

const GPU = 'nvidia.com/gpu'

t.test('jobs are added up by namespace, the heaviest user first', async t => {
  const usages = usageOfJobs([
    job('a', 2),
    job('b', 1, 3600, GPU),
    job('b', 3, 60, 'amd.com/gpu'),
    job('b', 1, 400, GPU),
    job('c', 1, 5),
    { metadata: { name: 'new', namespace: 'a' } },
  ])
  t.strictSame(usages, [
    {
      namespace: 'b',
      jobs: 3,
      runs: 5,
      acceleratorSeconds: { 'amd.com/gpu': 60, [GPU]: 4000 },
    },
    { namespace: 'c', jobs: 1, runs: 1, acceleratorSeconds: { unknown: 5 } },
    { namespace: 'a', jobs: 2, runs: 2, acceleratorSeconds: {} },
  ])
  t.strictSame(totalOf(usages), {
    jobs: 6,
    runs: 8,
    acceleratorSeconds: { 'amd.com/gpu': 60, [GPU]: 4000, unknown: 5 },
  })
  t.strictSame(usageOfJobs([]), [])
})

t.test('time stays with the resource that was used', async t => {
  const both = {
    metadata: { name: 'home', namespace: 'a' },
    status: {
      acceleratorSeconds: 100,
      acceleratorSecondsByResource: { [GPU]: 70, 'amd.com/gpu': 20 },
    },
  }
  t.match(usageOfJobs([both]), [
    { acceleratorSeconds: { [GPU]: 70, 'amd.com/gpu': 20, unknown: 10 } },
  ])
})

t.test('a row for each namespace and resource, and their sum', async t => {
  const usages = usageOfJobs([
    job('a', 1234, 7200, GPU),
    job('a', 1, 36, 'amd.com/gpu'),
    job('b', 1),
  ])
  t.equal(
    usageText(usages),
    [
      'namespace  jobs   runs  accelerator     seconds  hours',
      'a             2  1,235  amd.com/gpu          36   0.01',
      '                        nvidia.com/gpu    7,200   2.00',
      'b             1      1  -                     0   0.00',
      'total         3  1,236  amd.com/gpu          36   0.01',
      '                        nvidia.com/gpu    7,200   2.00',
    ].join('\n'),
  )
})

t.test('times', async t => {
  const times = { '90m': 5400, '24h': 86_400, '7d': 604_800, '4w': 2_419_200 }
  for (const [text, seconds] of Object.entries(times)) t.equal(parseSince(text), seconds, text)
  for (const text of ['', '7', 'd', '0d', '-1d', '1.5h', '1y', '60w', '7d}'])
    t.throws(() => parseSince(text), /--since: .* is no time like 90m/, text)
})

t.test('what Prometheus knows of a namespace comes together', async t => {
  const asked: string[] = []
  const sample = (labels: Record<string, string>, value: number) => ({ labels, value })
  const answers: Readonly<Record<string, ReturnType<typeof sample>[]>> = {
    attune_accelerator_seconds_total: [sample({ namespace: 'a', resource: GPU }, 10.4)],
    attune_runs_total: [sample({ namespace: 'a' }, 2.01), sample({ namespace: 'b' }, 1)],
    attune_jobs: [sample({ namespace: 'a' }, 3)],
  }
  const query = async (expression: string) => {
    asked.push(expression)
    return Object.entries(answers).find(([name]) => expression.includes(name))?.[1] ?? []
  }
  t.strictSame(await usageFromPrometheus(query, { seconds: 3600, namespace: 'a' }), [
    { namespace: 'a', jobs: 3, runs: 2, acceleratorSeconds: { [GPU]: 10 } },
    { namespace: 'b', jobs: 0, runs: 1, acceleratorSeconds: {} },
  ])
  for (const expression of asked) {
    t.match(expression, '{namespace="a"}')
    t.match(expression, '[3600s')
  }
  t.equal(await usageFromPrometheus(async () => [], { seconds: 3600 }), undefined)
})

t.test('answers that are none', async t => {
  const samples = JSON.stringify({
    status: 'success',
    data: {
      resultType: 'vector',
      result: [
        { metric: { namespace: 'a' }, value: [1, '2.5'] },
        { metric: { namespace: 'b' }, value: [1, 'NaN'] },
        { metric: { namespace: 7 }, value: [1, '1'] },
        'else',
      ],
    },
  })
  t.strictSame(samplesOf('http://p', 200, samples), [
    { labels: { namespace: 'a' }, value: 2.5 },
    { labels: {}, value: 1 },
  ])
  const bad: Readonly<Record<string, [status: number, text: string, says: RegExp]>> = {
    'an error of Prometheus': [
      400,
      '{"status":"error","error":"parse error"}',
      /refused the query: parse error/,
    ],
    'a web page': [200, '<html>', /does not answer as Prometheus does \(HTTP 200\): "<html>"/],
    nothing: [502, '', /HTTP 502/],
    'another shape': [200, '{"status":"success","data":{"result":1}}', /does not answer/],
    null: [200, 'null', /does not answer/],
  }
  for (const [name, [status, text, says]] of Object.entries(bad))
    t.throws(() => samplesOf('http://p', status, text), says, name)
})
