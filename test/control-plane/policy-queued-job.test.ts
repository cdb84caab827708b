import t from 'tap'
import {
  type InstructionTuningJob,
  InstructionTuningJobs,
  StageJobs,
} from '../../operator/src/job/kinds.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { datasetCluster } from '../fixtures/operator/dataset-cluster.ts'
import { type TuningCluster, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'
import { SPEC } from '../fixtures/operator/tuning-job.ts'
import { aPolicy, applied, unguarded } from '../fixtures/policy/admission.ts'

/** Resolves once the operator, who holds another job too, knows of the policy. */
const untilHeld = async ({ client, namespace }: TuningCluster) => {
  const other = {
    apiVersion: 'attune.dev/v1alpha1',
    kind: 'InstructionTuningJob',
    metadata: { name: 'other', namespace },
    spec: SPEC,
  }
  await kubectl(['apply', '-f', '-'], JSON.stringify(other))
  await eventually(async () => {
    const { status } = await client.get(InstructionTuningJobs, { name: 'other', namespace })
    if (!status?.conditions?.some(({ reason }) => reason === 'PolicyViolation'))
      throw new Error(`the other job is not held: ${JSON.stringify(status)}`)
  })
}

t.test('a policy that is made later takes a job out of its queue', async t => {
  const cluster = await tuningCluster(t)
  const { client, namespace } = cluster
  const policy = `${namespace}-small`
  const queued = () =>
    eventually(async () => {
      const { metadata, spec } = await client.get(StageJobs, {
        name: 'home-1-prepare',
        namespace,
      })
      if (metadata.deletionTimestamp || spec?.suspend !== true) throw new Error('is not queued')
      return metadata
    })
  await cluster.operator()
  await cluster.submit({ queueName: 'team-a' })
  await cluster.phase('Queued')
  const { uid } = await queued()

  await applied(t, [aPolicy(policy, { maxSequenceLength: 256 }, namespace)])
  const { status } = await cluster.until(
    job => job.status?.conditions?.some(({ reason }) => reason === 'PolicyViolation') ?? false,
    'no condition PolicyViolation',
  )
  t.equal(status?.phase, 'Pending')
  t.match(
    status?.conditions?.find(({ type }) => type === 'Stalled'),
    { status: 'True', message: new RegExp(`TuningPolicy ${policy} allows at most 256`) },
  )
  t.notOk(status?.conditions?.some(({ type }) => type === 'QuotaReserved'))
  await eventually(async () => {
    const left = await cluster.names('jobs')
    if (left.length > 0) throw new Error(`Kueue could still admit ${left.join(', ')}`)
  })
  t.match(await cluster.event('PolicyViolation'), { message: new RegExp(policy) })

  await kubectl(['delete', 'tuningpolicy', policy])
  await cluster.phase('Queued')
  t.not((await queued()).uid, uid, 'once it is allowed, it is queued again')
})

t.test('a policy that is made later leaves alone what runs', async t => {
  const cluster = await tuningCluster(t)
  await unguarded(cluster.namespace)
  await cluster.operator()
  await cluster.submit()
  await cluster.kubelet.starts(1, 'prepare')
  await cluster.phase('Preparing')
  const policy = aPolicy(`${cluster.namespace}-none`, { allowedOutputs: [] }, cluster.namespace)
  await applied(t, [policy])
  await untilHeld(cluster)
  await cluster.kubelet.succeeds(1, 'prepare')
  const { status } = await cluster.until(
    job => job.status?.conditions?.some(({ reason }) => reason === 'PolicyViolation') ?? false,
    'the next stage is not held',
  )
  t.match(status?.runs?.at(-1)?.stages, [{ state: 'Succeeded' }, { state: 'Pending' }])
})

t.test('a dataset that was ready before the policy brings no job its sources', async t => {
  const cluster = await datasetCluster(t)
  const { namespace } = cluster
  await unguarded(namespace)
  await cluster.operator()
  await cluster.submit()
  await cluster.ends(await cluster.curates())
  await cluster.ready()
  const policy = `${namespace}-data`
  await applied(t, [aPolicy(policy, { allowedDatasetSources: ['pvc://other/'] }, namespace)])
  // in a queue, so that it does not matter when the operator's cache has the policy
  await cluster.submitJob('one', { queueName: 'team-a' })
  await cluster.untilJob('one', ({ status }: InstructionTuningJob) =>
    status?.conditions?.some(
      ({ type, reason, message }) =>
        type === 'Stalled' &&
        reason === 'PolicyViolation' &&
        message.includes('InstructionDataset pairs has the source pvc://datasets/home.jsonl'),
    ),
  )
  await eventually(async () => {
    const left = (await cluster.names('jobs')).filter(name => name.startsWith('one-'))
    if (left.length > 0) throw new Error(`Kueue could still admit ${left.join(', ')}`)
  })
})
