import t from 'tap'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { brokenFluxRules } from '../fixtures/operator/flux-rules.ts'
import { type TuningCluster, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'
import { aResult } from '../fixtures/operator/tuning-job.ts'

const annotate = ({ name, namespace }: TuningCluster, value: string) =>
  kubectl([
    ...['annotate', '--overwrite', 'itj', name, `attune.dev/retry-publish=${value}`],
    ...['-n', namespace],
  ])

const refused = (cluster: TuningCluster) =>
  cluster.kubelet.fails(1, 'publish', 1, {
    reason: 'PublishFailed',
    message: 'output.uri pvc://models/home: cannot be written (EROFS); mount it writable',
  })

const reasonsOf = async (cluster: TuningCluster) =>
  (await cluster.events()).map(({ reason }) => reason)

t.test('an output that refuses', async t => {
  const cluster = await tuningCluster(t)
  const operator = await cluster.operator()
  await cluster.submit({ retry: { limit: 1 } })
  for (const stage of ['prepare', 'train', 'evaluate'] as const)
    await cluster.kubelet.succeeds(1, stage)
  const claim = await cluster.names('pvc')

  await t.test('is tried again with backoff, and then fails the run', async t => {
    await refused(cluster)
    await cluster.until(
      ({ status }) =>
        status?.conditions?.some(({ reason }) => reason === 'Retrying') === true &&
        status.phase === 'Publishing',
      'Publish is not tried again',
    )
    await refused(cluster)
    const job = await cluster.phase('Failed')
    t.match(job.status?.runs?.[0], { reason: 'PublishFailed', message: /EROFS.*used up/ })
    t.strictSame(brokenFluxRules(job), [])
    t.strictSame(await cluster.names('pvc'), claim, 'the workspace keeps the artifact')
    await cluster.event('PublishFailed', /EROFS/)
  })

  await t.test('is tried again for a new value of the annotation', async t => {
    await annotate(cluster, 'first')
    const job = await cluster.phase('Publishing')
    t.match(job.status?.runs?.[0], { publishRetry: 'first', reason: undefined })
    t.notOk(job.status?.conditions?.some(({ type }) => type === 'Failed'))
    t.strictSame(brokenFluxRules(job), [])
    await cluster.event('PublishRetried')
    await refused(cluster)
    await refused(cluster)
    await cluster.phase('Failed')
  })

  await t.test('once for each value, also after a restart of the operator', async t => {
    await cluster.stop(operator)
    await cluster.operator()
    // another change of the object, which the operator has to look at
    await kubectl(['label', 'itj', cluster.name, 'looked=at', '-n', cluster.namespace])
    await annotate(cluster, 'first')
    await kubectl([
      ...['patch', 'itj', cluster.name, '-n', cluster.namespace, '--type=merge'],
      ...['-p', '{"spec":{"ttlSecondsAfterFinished":3600}}'],
    ])
    const { metadata } = await cluster.get()
    const job = await cluster.until(
      ({ status }) => status?.observedGeneration === metadata.generation,
      'the new generation is not looked at',
    )
    t.equal(job.status?.phase, 'Failed')
    t.equal((await reasonsOf(cluster)).filter(reason => reason === 'PublishRetried').length, 1)
  })

  await t.test('and succeeds once the output takes it, without training again', async t => {
    await annotate(cluster, 'second')
    await cluster.phase('Publishing')
    await cluster.kubelet.succeeds(1, 'publish')
    const { status } = await cluster.phase('Succeeded')
    t.match(status?.runs, [{ number: 1, phase: 'Succeeded', publishRetry: 'second' }])
    t.equal(status?.artifacts?.length, aResult('publish').artifacts?.length)
    t.equal((await cluster.kubelet.podsOf(1, 'train')).length, 1)
  })

  await t.test('a value after that is answered by an Event', async t => {
    await annotate(cluster, 'third')
    await cluster.event('PublishNotRetried', /ended as Succeeded/)
    t.equal((await cluster.get()).status?.phase, 'Succeeded')
  })
})
