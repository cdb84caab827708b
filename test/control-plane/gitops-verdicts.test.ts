import t from 'tap'
import { blockedStatus } from '../../operator/src/job/blocked-status.ts'
import { InstructionTuningJobs } from '../../operator/src/job/kinds.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { checkHistory, untilSeen } from '../fixtures/gitops/check-history.ts'
import { verdictOf } from '../fixtures/gitops/verdicts.ts'
import { KUEUE, kueueSays } from '../fixtures/operator/a-workload.ts'
import { createStory } from '../fixtures/operator/story.ts'
import { NOW } from '../fixtures/operator/tuning-job.ts'
import { type TuningCluster, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

const STAGES = ['prepare', 'train', 'evaluate', 'publish'] as const

/** What Argo CD does with the answer of an action. */
const press = async (cluster: TuningCluster, action: string) => {
  const job = await cluster.get()
  const { results, offered } = await verdictOf(job)
  const result = results?.[action]
  const { name, namespace } = cluster
  const patch = { spec: result?.spec, metadata: { annotations: result?.metadata.annotations } }
  await cluster.client.patch(InstructionTuningJobs, { name, namespace }, patch)
  return { job, result, offered }
}

t.test('a job on its way to success', async t => {
  const cluster = await tuningCluster(t)
  const history = await cluster.history()
  await cluster.submit()
  await untilSeen(history, 'unseen')
  await cluster.operator()
  for (const stage of STAGES) await cluster.kubelet.succeeds(1, stage)
  await cluster.phase('Succeeded')
  await untilSeen(history, 'Succeeded')
  const phases = await checkHistory(t, history)
  const all = ['unseen', 'Pending', 'Preparing', 'Training', 'Evaluating', 'Publishing']
  for (const phase of [...all, 'Succeeded']) t.ok(phases.has(phase), `${phase} was looked at`)
})

t.test('a job that fails', async t => {
  const cluster = await tuningCluster(t)
  const history = await cluster.history()
  await cluster.operator()
  await cluster.submit()
  const message = 'train.jsonl:3: no field prompt'
  await cluster.kubelet.fails(1, 'prepare', 65, { reason: 'DatasetMalformed', message })
  const job = await cluster.phase('Failed')
  await untilSeen(history, 'Failed')
  await checkHistory(t, history)
  t.match(await verdictOf(job), {
    kstatus: { message: /train\.jsonl:3/ },
    health: { message: /train\.jsonl:3/ },
  })
})

t.test('a job that is suspended and resumed by the buttons of Argo CD', async t => {
  const cluster = await tuningCluster(t)
  const history = await cluster.history()
  await cluster.operator()
  await cluster.submit()
  await cluster.kubelet.starts(1, 'prepare')
  await cluster.phase('Preparing')

  const { job, result, offered } = await press(cluster, 'suspend')
  t.strictSame(offered, {
    suspend: { disabled: false },
    resume: { disabled: true },
    'retry-publish': { disabled: true },
    rerun: { disabled: true },
  })
  t.strictSame(
    result,
    { ...job, spec: { ...job.spec, suspend: true } },
    'all else comes back as it was',
  )
  const pod = (await cluster.kubelet.podsOf(1, 'prepare'))[0]
  if (pod) await cluster.kubelet.ends(pod, 75).catch(() => {})
  await cluster.phase('Suspended')
  await untilSeen(history, 'Suspended')

  const resume = await press(cluster, 'resume')
  t.match(resume.offered, { suspend: { disabled: true }, resume: { disabled: false } })
  await cluster.phase('Preparing')
  const phases = await checkHistory(t, history)
  t.ok(phases.has('Suspended'))
})

t.test('a job that is being deleted', async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  await cluster.submit()
  await cluster.phase('Preparing')
  const target = [`itj/${cluster.name}`, '-n', cluster.namespace]
  const finalizers = (list: string) => `{"metadata":{"finalizers":[${list}]}}`
  await kubectl(['patch', ...target, '--type=merge', '-p', finalizers('"example.com/hold"')])
  await kubectl(['delete', ...target, '--wait=false'])
  const job = await cluster.until(({ metadata }) => !!metadata.deletionTimestamp, 'not deleted')
  t.strictSame(await checkHistory(t, [job]), new Set(['Preparing']))
  await kubectl(['patch', ...target, '--type=merge', '-p', finalizers('')])
})

t.test('a job that waits for quota', async t => {
  const story = createStory({ queueName: 'team-a' }).look()
  t.strictSame(await checkHistory(t, [story.observed.job]), new Set(['Queued']))
  story.happens(kueueSays(1, 'prepare', KUEUE.waits, { held: true })).look()
  t.match(story.condition('QuotaReserved'), { status: 'False', reason: 'WaitingForQuota' })
  t.strictSame(await checkHistory(t, [story.observed.job]), new Set(['Queued']))
  const { offered } = await verdictOf(story.observed.job)
  t.match(offered, { suspend: { disabled: false }, rerun: { disabled: true } })
})

t.test('a job whose objects the API server refuses is stalled', async t => {
  const { job } = createStory().look().observed
  const note = { reason: 'InvalidSpec', message: 'requests: 2 is above 1', stalled: true } as const
  const status = blockedStatus(job, job.status, note, NOW)
  t.match(await verdictOf({ ...job, status }), {
    kstatus: { status: 'Failed', message: /above 1/ },
    health: { status: 'Degraded', message: /above 1/ },
  })
})

t.test('what can be done to a finished job', async t => {
  const story = createStory().look()
  for (const stage of STAGES) story.succeeds(1, stage)
  const { job } = story.observed
  const { offered, results } = await verdictOf(job)
  t.match(offered, { suspend: { disabled: true }, rerun: { disabled: false } })
  t.match(results?.['rerun']?.metadata.annotations, {
    'attune.dev/rerun': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
  })
  t.match(results?.['retry-publish']?.metadata.annotations, {
    'attune.dev/retry-publish': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
  })
  const annotations = { team: 'a' }
  const annotated = { ...job, metadata: { ...job.metadata, annotations } }
  const again = (await verdictOf(annotated)).results?.['rerun']
  t.equal(again?.metadata.annotations?.['team'], 'a', 'other annotations stay')
})
