import t from 'tap'
import { StageJobs } from '../../operator/src/job/kinds.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { documentedScrape, promtoolTakes } from '../fixtures/metrics/scrape.ts'
import { brokenFluxRules } from '../fixtures/operator/flux-rules.ts'
import { tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

const STAGES = ['prepare', 'train', 'evaluate', 'publish'] as const
/** Of other kinds, of faults, of accelerators, or as the API server ends a watch. */
const NOT_OF_A_RUN = [
  'attune_operator_queue_retries_total',
  'attune_operator_queue_dropped_total',
  'attune_operator_watch_restarts_total',
  'attune_operator_hub_looks_total',
  'attune_experiments',
  'attune_experiment_trials',
  'attune_datasets',
  'attune_run_failures_total',
  'attune_accelerator_seconds_total',
]
const get = async (port: number, path: string) => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return { status: response.status, body: await response.text() }
}

t.test('a job goes through every phase to Succeeded', async t => {
  const cluster = await tuningCluster(t)
  const history = await cluster.history()
  const operator = await cluster.operator()
  await cluster.submit()
  for (const stage of STAGES) await cluster.kubelet.succeeds(1, stage)
  const job = await cluster.phase('Succeeded')
  // the watch may tell of it a little later than a read does
  await eventually(() => {
    if (history.at(-1)?.status?.phase !== 'Succeeded')
      throw new Error('the history has not seen it')
  })

  await t.test('its status says what came out', async t => {
    t.equal(job.status?.run, 1)
    t.equal(job.status?.evaluation?.score, 0.9)
    t.equal(job.status?.training?.progress, '40/40')
    t.equal(job.status?.artifacts?.length, 1)
    t.strictSame(
      job.status?.runs?.[0]?.stages.map(({ name, state, attempts }) => [name, state, attempts]),
      STAGES.map(stage => [stage, 'Succeeded', 1]),
    )
  })
  await t.test('it passed through the phases in their order', async t => {
    const phases = history.map(({ status }) => status?.phase ?? '-')
    t.strictSame(
      phases.filter((phase, i) => phase !== phases[i - 1]),
      ['-', 'Pending', 'Preparing', 'Training', 'Evaluating', 'Publishing', 'Succeeded'],
    )
  })
  await t.test('every status on the way keeps the rules of Flux', async t => {
    const written = history.filter(({ status }) => status?.phase !== undefined)
    t.ok(written.length >= STAGES.length)
    for (const seen of written) t.strictSame(brokenFluxRules(seen), [], `${seen.status?.phase}`)
  })
  await t.test('kubectl waits for it', async t => {
    const target = [`itj/${cluster.name}`, '-n', cluster.namespace, '--timeout=120s']
    for (const condition of ['Ready', 'Complete', 'Finished', 'GatesPassed', 'DatasetReady'])
      await t.resolves(kubectl(['wait', `--for=condition=${condition}`, ...target]), condition)
  })
  await t.test('nothing but status is ever written to it', async t => {
    const managers = await kubectl([
      ...['get', `itj/${cluster.name}`, '-n', cluster.namespace, '--show-managed-fields'],
      ...['-o', 'jsonpath={range .metadata.managedFields[*]}{.manager} {.subresource}{"\\n"}{end}'],
    ])
    t.match(managers, /^attune-operator status$/m)
    t.notMatch(managers, /^attune-operator $/m)
  })
  await t.test('children belong to it', async t => {
    const { items } = await cluster.client.list(StageJobs, { namespace: cluster.namespace })
    t.equal(items.length, STAGES.length)
    for (const { metadata } of items)
      t.match(metadata.ownerReferences, [
        { uid: job.metadata.uid, controller: true, blockOwnerDeletion: true },
      ])
  })
  await t.test('Events tell its story', async t => {
    // the last of them
    await cluster.event('Succeeded')
    const reasons = (await cluster.events()).map(({ reason }) => reason)
    for (const reason of ['Accepted', 'StageStarted', 'StageFinished', 'Succeeded'])
      t.ok(reasons.includes(reason), reason)
    t.equal(reasons.filter(reason => reason === 'StageFinished').length, STAGES.length)
    t.equal(reasons.filter(reason => reason === 'Succeeded').length, 1)
  })
  await t.test('metrics and probes answer', async t => {
    const count = `attune_jobs{namespace="${cluster.namespace}",phase="Succeeded"} 1`
    // the operator's own watch may tell of it a little later than a read does
    const body = await eventually(async () => {
      const answer = await get(operator.metricsPort, '/metrics')
      if (!answer.body.includes(count)) throw new Error(`no ${count} in ${answer.body}`)
      return answer.body
    })
    t.match(
      body,
      /attune_operator_reconcile_seconds_count\{kind="InstructionTuningJob",outcome="success"\} \d/,
    )
    t.match(body, /attune_operator_api_requests_total\{.*verb="apply_?[a-z]*",.*\}/i)
    t.match(body, 'attune_operator_leader 1')
    t.equal((await get(operator.healthPort, '/healthz')).status, 200)
    t.equal((await get(operator.healthPort, '/readyz')).status, 200)
    t.equal((await get(operator.healthPort, '/metrics')).status, 404)
  })
  await t.test('its metrics are those that the page documents', async t => {
    const text = await documentedScrape(t, {
      url: `http://127.0.0.1:${operator.metricsPort}/metrics`,
      section: 'Operator',
      without: NOT_OF_A_RUN,
    })
    await promtoolTakes(t, text)
  })
  await t.test('a finished job stays as it is', async t => {
    const other = await cluster.operator()
    await cluster.lookedMoreOften(other)
    const before = await cluster.looks(operator)
    await kubectl(['annotate', `itj/${cluster.name}`, '-n', cluster.namespace, 'team=a'])
    await cluster.lookedMoreOften(operator, before)
    await cluster.stop(other)
    const after = await cluster.get()
    t.strictSame(after.status, job.status)
  })
})
