import t from 'tap'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { experimentCluster } from '../fixtures/operator/experiment-cluster.ts'

/** What the operator does unless it is told otherwise, and the bound for progress of one experiment. */
const INTERVAL_MS = 5_000
const TRIALS = 16
const MALFORMED = { reason: 'DatasetMalformed' as const, message: 'line 7 is no JSON' }

t.test('trials that end all the time are told of at most once in 5 s', async t => {
  const cluster = await experimentCluster(t)
  const history = await cluster.experimentHistory()
  const { metricsPort } = await cluster.operator({ pollIntervalMs: INTERVAL_MS })
  const started = performance.now()
  await cluster.submit({
    parameters: [{ path: 'training.seed', values: Array.from({ length: TRIALS }, (_, i) => i) }],
    strategy: { type: 'Grid' },
    parallelTrials: TRIALS,
  })
  const trials = Array.from({ length: TRIALS }, (_, i) => i + 1)
  for (const trial of trials) await cluster.kubeletOf(trial).starts(1, 'prepare')
  for (const trial of trials) await cluster.kubeletOf(trial).fails(1, 'prepare', 65, MALFORMED)
  const last = await cluster.until(({ status }) => status?.phase === 'Failed', 'it has not failed')
  const seconds = (performance.now() - started) / 1000
  t.equal(last.status?.counts?.failed, TRIALS, 'nothing is lost by waiting')

  const { resourceVersion } = last.metadata
  await eventually(() => {
    if (!history.some(({ metadata }) => metadata.resourceVersion === resourceVersion))
      throw new Error('not seen yet')
  })
  const written = history.filter(({ status }) => status?.phase !== undefined)
  /** Phase and reason as they followed one another: these are written at once. */
  const said = written.map(({ status }) => {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready')
    return `${status?.phase} ${ready?.reason}`
  })
  const changes = said.filter((words, i) => words !== said[i - 1]).length
  const allowed = changes + Math.floor(seconds / (INTERVAL_MS / 1000))
  const measured = `${written.length} writes, ${changes} changes of phase or reason, ${seconds.toFixed(1)} s`
  t.comment(measured)
  t.ok(written.length <= allowed, measured)

  const { namespace } = cluster
  // the operator's own watch may tell of it a little later than this one
  const metrics = await eventually(async () => {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    const isTold = text.includes(`attune_experiments{namespace="${namespace}",phase="Failed"} 1`)
    if (!isTold) throw new Error(`no failed experiment in ${text}`)
    return text
  })
  const calls = metrics
    .split('\n')
    .find(line => line.includes('"tuningexperiments/status"') && line.includes('code="200"'))
  t.equal(Number(calls?.split(' ').at(-1)), written.length, 'and no more was sent')
  t.match(metrics, `attune_experiment_trials{namespace="${namespace}",phase="Failed"} ${TRIALS}`)
})
