import { canonicalJson } from '@attune/crds/canonical-json.ts'
import { resolveDatasetSpec } from '@attune/crds/defaults.ts'
import type { InstructionDatasetSpec } from '@attune/crds/instruction-dataset-spec.ts'
import t from 'tap'
import type { InstructionDataset } from '../../operator/src/dataset/kinds.ts'
import { checkHistory, untilSeen } from '../fixtures/gitops/check-history.ts'
import { verdictOf } from '../fixtures/gitops/verdicts.ts'
import { DATASET_SPEC } from '../fixtures/operator/a-dataset.ts'
import { datasetCluster } from '../fixtures/operator/dataset-cluster.ts'

t.test('two jobs share one dataset, which is read once', async t => {
  const cluster = await datasetCluster(t)
  await cluster.operator()
  await cluster.submitJob('one')
  await cluster.submitJob('two')
  for (const name of ['one', 'two']) {
    await cluster.untilJob(name, ({ status }) =>
      status?.conditions?.some(
        ({ type, status, reason }) =>
          type === 'DatasetReady' && status === 'False' && reason === 'WaitingForDataset',
      ),
    )
    await cluster.event(name, 'WaitingForDataset', /pairs is not there/)
  }
  await cluster.submit()
  const pod = await cluster.curates()
  t.strictSame(
    (await cluster.names('jobs')).filter(name => !name.endsWith('-curate')),
    [],
    'no job starts before',
  )
  await cluster.ends(pod)
  const dataset = await cluster.ready()
  t.match(dataset.status, {
    observedGeneration: 1,
    examples: 540,
    report: { duplicates: 12 },
    contentHash: /^c+$/,
  })
  for (const name of ['one', 'two']) {
    const job = await cluster.untilJob(name, ({ status }) => status?.phase === 'Preparing')
    t.match(job.status?.runs?.[0]?.content, {
      dataset: 'pairs',
      contentHash: dataset.status?.contentHash,
      uri: dataset.status?.preparedUri,
    })
  }
  const jobs = await cluster.names('jobs')
  t.equal(jobs.filter(name => name.endsWith('-curate')).length, 1)
  t.strictSame(jobs.filter(name => name.endsWith('-prepare')).toSorted(), [
    'one-1-prepare',
    'two-1-prepare',
  ])
  const columns = await cluster.kubectl('get', 'ids', 'pairs')
  t.match(columns, /NAME +PHASE +EXAMPLES +HELD-OUT +DUPLICATES +AGE\npairs +Ready +540 +60 +12 /)
  await cluster.event('pairs', 'Prepared', /540 examples/)

  t.equal(
    // the server leaves lists as they were written
    canonicalJson(resolveDatasetSpec(dataset.spec as unknown as InstructionDatasetSpec)),
    canonicalJson(resolveDatasetSpec(DATASET_SPEC)),
    'the same defaults as in local mode',
  )

  const { resourceVersion } = dataset.metadata
  await cluster.submit()
  t.equal((await cluster.get()).metadata.resourceVersion, resourceVersion, 'applied again')
})

t.test('an edit is read anew while runs on the old content go on', async t => {
  const cluster = await datasetCluster(t)
  await cluster.operator()
  await cluster.submit()
  await cluster.ends(await cluster.curates())
  const first = await cluster.ready()
  await cluster.submitJob('one')
  await cluster.untilJob('one', ({ status }) => status?.phase === 'Preparing')

  await cluster.submit({ systemPrompt: 'Be brief.' })
  const pod = await cluster.curates(2)
  await cluster.submitJob('two')
  await cluster.untilJob('two', ({ status }) =>
    status?.conditions?.some(({ reason }) => reason === 'WaitingForDataset'),
  )
  const keep = await cluster.kept()
  t.strictSame(keep, [first.status?.key], 'the content of the run that goes on stays')
  await cluster.ends(pod, { digest: 'd'.repeat(64) })
  const second = await cluster.ready(2)
  t.not(second.status?.preparedUri, first.status?.preparedUri)
  const two = await cluster.untilJob('two', ({ status }) => status?.phase === 'Preparing')
  t.equal(two.status?.runs?.[0]?.content?.contentHash, 'd'.repeat(64))
  const one = await cluster.untilJob('one', ({ status }) => status?.phase === 'Preparing')
  t.equal(one.status?.runs?.length, 1, 'an edit of the dataset starts no run')
  t.equal(one.status?.runs?.[0]?.content?.contentHash, 'c'.repeat(64))
})

t.test('a broken dataset says why, and so does the job; both go on once it is mended', async t => {
  const cluster = await datasetCluster(t)
  const history = await cluster.datasetHistory()
  await cluster.operator()
  await cluster.submit()
  await cluster.submitJob('one')
  const message = 'pvc://datasets/home.jsonl line 7: not JSON: {'
  await cluster.fails(await cluster.curates(), 65, { reason: 'DatasetMalformed', message })
  await cluster.until(({ status }: InstructionDataset) => status?.phase === 'Failed')
  await cluster.event('pairs', 'DatasetMalformed', /line 7/)
  const stalled = await cluster.untilJob('one', ({ status }) =>
    status?.conditions?.some(
      ({ type, reason, message }) =>
        type === 'Stalled' && reason === 'DatasetFailed' && message.includes('line 7'),
    ),
  )
  t.match(await verdictOf(stalled), {
    kstatus: { status: 'Failed', message: /line 7/ },
    health: { status: 'Degraded', message: /line 7/ },
  })
  await cluster.event('one', 'DatasetFailed', /pairs failed: DatasetMalformed/)

  await cluster.submit({ sources: [{ uri: 'pvc://datasets/mended.jsonl' }] })
  await cluster.ends(await cluster.curates(2))
  await cluster.ready(2)
  const job = await cluster.untilJob('one', ({ status }) => status?.phase === 'Preparing')
  t.notOk(job.status?.conditions?.some(({ type }) => type === 'Stalled'))

  await untilSeen(history, 'Ready')
  const phases = await checkHistory(t, history)
  for (const phase of ['Preparing', 'Failed', 'Ready'])
    t.ok(phases.has(phase), `Flux and Argo CD see ${phase} as what it is`)
})

t.test('deletion leaves nothing, and a job that waits for it says so', async t => {
  const cluster = await datasetCluster(t)
  await cluster.operator()
  await cluster.submit()
  await cluster.ends(await cluster.curates())
  await cluster.ready()
  await cluster.kubectl('delete', 'ids', 'pairs')
  await t.resolves(cluster.gone())
  await cluster.submitJob('one')
  await cluster.event('one', 'WaitingForDataset', /pairs is not there/)
  await cluster.submit()
  await cluster.ends(await cluster.curates())
  await t.resolves(cluster.untilJob('one', ({ status }) => status?.phase === 'Preparing'))
})

t.test('the API server says what goes with a reference and what does not', async t => {
  const cluster = await datasetCluster(t)
  const refused = async (dataset: object, message: RegExp) =>
    t.rejects(cluster.submitJob('one', { dataset }), { message })
  await refused({}, /spec\.dataset: Invalid value.*give ref or sources, and not both/)
  await refused(
    { ref: { name: 'pairs' }, sources: [{ uri: 'pvc://a/b.jsonl' }] },
    /give ref or sources, and not both/,
  )
  await refused(
    { ref: { name: 'pairs' }, systemPrompt: 'Be brief.' },
    /ref takes everything from the InstructionDataset/,
  )
  await refused({ ref: { name: 'pairs' }, quality: { minExamples: 5 } }, /ref takes everything/)
  await t.rejects(cluster.submit({ sources: [{ uri: 'file://a.jsonl' }] }), {
    message: /spec\.sources\[0\]\.uri: Invalid value.*file:\/\/ works only with/,
  })
})
