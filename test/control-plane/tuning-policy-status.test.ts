import type { TuningPolicySpec } from '@attune/crds/tuning-policy-spec.ts'
import t, { type Test } from 'tap'
import type { InstructionTuningJob } from '../../operator/src/job/kinds.ts'
import { silentLog } from '../../operator/src/kube/log.ts'
import type { Operator } from '../../operator/src/run-operator.ts'
import { TuningPolicies, type TuningPolicy } from '../../operator/src/policy/kinds.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { CONTRADICTION } from '../fixtures/operator/a-stored-policy.ts'
import { datasetCluster } from '../fixtures/operator/dataset-cluster.ts'
import { brokenFluxRules } from '../fixtures/operator/flux-rules.ts'
import { installedRights } from '../fixtures/operator/installed-rights.ts'
import { untilMay } from '../fixtures/operator/service-account.ts'
import { SPEC } from '../fixtures/operator/tuning-job.ts'
import { watchHistory } from '../fixtures/operator/watch-history.ts'
import { aPolicy, applied, list, unguarded } from '../fixtures/policy/admission.ts'

type Cluster = Awaited<ReturnType<typeof datasetCluster>>

/** In a namespace where the API server refuses nothing, so that the operator has something to hold back. */
const aCluster = async (t: Test) => {
  const cluster = await datasetCluster(t)
  await unguarded(cluster.namespace)
  return cluster
}

/** It may do what its ClusterRole says, as in an installation. */
const reportingOperator = async (t: Test, cluster: Cluster, pollIntervalMs = 200) => {
  const { home, connection } = await installedRights(t, cluster.connection)
  await untilMay(home, 'attune-operator', 'list', 'tuningpolicies.attune.dev')
  const config = { reportPolicies: true, pollIntervalMs, leaderNamespace: home }
  return cluster.operator(config, silentLog, connection)
}

const getPolicy = async (name: string) =>
  JSON.parse(await kubectl(['get', 'tuningpolicy', name, '-o', 'json'])) as TuningPolicy

const readyOf = ({ status }: TuningPolicy) =>
  status?.conditions?.find(({ type }) => type === 'Ready')

const policyUntil = (name: string, check: (policy: TuningPolicy) => boolean | undefined) =>
  eventually(async () => {
    const policy = await getPolicy(name)
    if (!check(policy))
      throw new Error(`${name} is not as expected; status is ${JSON.stringify(policy.status)}`)
    return policy
  })
/** Waits until the latest spec is judged so. */
const judged = (name: string, reason: string) =>
  policyUntil(
    name,
    policy =>
      policy.status?.observedGeneration === policy.metadata.generation &&
      readyOf(policy)?.reason === reason,
  )
const holds = (name: string, jobs: number, datasets = 0) =>
  policyUntil(name, ({ status }) => status?.heldJobs === jobs && status.heldDatasets === datasets)

/** Events of an object of the cluster are in the namespace `default`. */
const policyEvent = (name: string, reason: string) =>
  eventually(async () => {
    const selector = `involvedObject.name=${name},reason=${reason}`
    const of = ['get', 'events', '-n', 'default', '--field-selector', selector, '-o', 'json']
    const { items } = JSON.parse(await kubectl(of)) as { items: { type: string }[] }
    if (!items[0]) throw new Error(`no Event ${reason} of ${name}`)
    return items[0]
  })

const isHeld = ({ status }: InstructionTuningJob) =>
  status?.conditions?.some(({ type, reason }) => type === 'Stalled' && reason === 'PolicyViolation')
const isQueued = ({ status }: InstructionTuningJob) => status?.phase === 'Queued'

const requestsOf = async ({ metricsPort }: Operator): Promise<readonly string[]> => {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  return text.split('\n').filter(line => /^attune_operator_api_requests/.test(line))
}

/** In a queue, where a job waits without a pod. */
const JOB = { dataset: { sources: [{ uri: 'pvc://datasets/home.jsonl' }] }, queueName: 'team-a' }

t.test('a policy tells what it selects and holds back, until it is deleted', async whole => {
  const cluster = await aCluster(whole)
  const { namespace } = cluster
  const name = `${namespace}-small`
  const operator = await reportingOperator(whole, cluster)
  const put = (limits: TuningPolicySpec) => applied(whole, [aPolicy(name, limits, namespace)])
  const SHORT = { maxSequenceLength: 256 }

  await whole.test('it is ready once the operator has taken it in', async t => {
    await put(SHORT)
    const policy = await judged(name, 'InForce')
    t.match(policy.status, { namespaces: 1, heldJobs: 0, heldDatasets: 0 })
    t.strictSame(brokenFluxRules(policy as never), [])
    t.match(await policyEvent(name, 'InForce'), { type: 'Normal' })
    await kubectl(['wait', 'tp', name, '--for=condition=Ready', '--timeout=60s'])
  })

  await whole.test('it counts jobs and datasets, and shows them', async t => {
    for (const job of ['one', 'two']) await cluster.submitJob(job, JOB)
    await cluster.submitJob('short', { ...JOB, training: { sequenceLength: 128 } })
    await cluster.untilJob('two', isHeld)
    const policy = await holds(name, 2)
    t.strictSame(brokenFluxRules(policy as never), [])
    const [head, row] = (await kubectl(['get', 'tp', name])).split('\n')
    t.match(head, /^NAME +ACCELERATORS +QUEUE +METHODS +TOKENS +NAMESPACES +HELD +READY +REASON/)
    t.match(row, / 256 +1 +2 +True +InForce /)
    await cluster.untilJob('short', isQueued)
  })

  await whole.test('applied again it stays as it is', async t => {
    const { metadata } = await getPolicy(name)
    await put(SHORT)
    t.equal((await getPolicy(name)).metadata.resourceVersion, metadata.resourceVersion)
  })

  await whole.test('an edit of policy or job counts at once', async t => {
    await put({ ...SHORT, allowedDatasetSources: [] })
    // what is submitted before the operator has the new limit starts
    await judged(name, 'InForce')
    await cluster.submit()
    const { status, metadata } = await holds(name, 3, 1)
    t.equal(status?.observedGeneration, metadata.generation)
    const allowed = JSON.stringify({ spec: { allowedDatasetSources: null } })
    await kubectl(['patch', 'tuningpolicy', name, '--type=merge', '-p', allowed])
    await holds(name, 2)
    await kubectl(['delete', 'itj', 'two', '-n', namespace])
    await holds(name, 1)
  })

  await whole.test('deleted it leaves nothing, and lets go what it held', async t => {
    await cluster.untilJob('one', isHeld)
    await kubectl(['delete', 'tuningpolicy', name, '--timeout=60s'])
    await cluster.untilJob('one', isQueued)
    t.equal(await kubectl(['get', 'tuningpolicy', name, '--ignore-not-found']), '')
  })

  const requests = await requestsOf(operator)
  whole.ok(requests.some(line => /resource="tuningpolicies\/status".*code="200"/.test(line)))
  const refused = requests.filter(line => /code="40[13]"/.test(line))
  whole.strictSame(refused, [], 'it asks for nothing that it may not have')
})

t.test('a policy that selects nobody says so', async t => {
  const cluster = await aCluster(t)
  const { namespace } = cluster
  const name = `${namespace}-nobody`
  const label = `test/${namespace}`
  const selecting = (namespaceSelector: object) => [
    {
      apiVersion: 'attune.dev/v1alpha1',
      kind: 'TuningPolicy',
      metadata: { name },
      spec: { namespaceSelector, maxSequenceLength: 256 },
    },
  ]
  await reportingOperator(t, cluster)
  await applied(t, selecting({ matchLabels: { [label]: 'yes' } }))
  const alone = await judged(name, 'NoNamespaces')
  t.match(readyOf(alone), { status: 'True' })
  t.equal(alone.status?.namespaces, 0)
  t.match(await policyEvent(name, 'NoNamespaces'), { type: 'Warning' })

  await kubectl(['label', 'namespace', namespace, `${label}=yes`])
  t.equal((await judged(name, 'InForce')).status?.namespaces, 1)
  await cluster.submitJob('one', JOB)
  await holds(name, 1)

  await applied(t, selecting(CONTRADICTION))
  const stalled = await judged(name, 'SelectorContradicts')
  t.strictSame(brokenFluxRules(stalled as never), [])
  t.match(stalled.status, {
    namespaces: 0,
    heldJobs: 0,
    conditions: [
      { type: 'Ready', status: 'False', message: /of the label tier what no namespace can have/ },
      { type: 'Stalled', status: 'True' },
    ],
  })
  t.match(await policyEvent(name, 'SelectorContradicts'), { type: 'Warning' })
  await cluster.untilJob('one', isQueued)
})

t.test('counts are written once for many jobs, and not for each', async t => {
  const cluster = await aCluster(t)
  const { namespace, client } = cluster
  const name = `${namespace}-small`
  const history = await watchHistory(t, { client, kind: TuningPolicies })
  const intervalMs = 4000
  await reportingOperator(t, cluster, intervalMs)
  await applied(t, [aPolicy(name, { maxSequenceLength: 256 }, namespace)])
  await judged(name, 'InForce')
  const started = Date.now()
  const jobs = Array.from({ length: 8 }, (_, i) => ({
    apiVersion: 'attune.dev/v1alpha1',
    kind: 'InstructionTuningJob',
    metadata: { name: `job-${i}`, namespace },
    spec: { ...SPEC, ...JOB },
  }))
  await kubectl(['apply', '-f', '-'], list(jobs))
  await holds(name, jobs.length)
  const intervals = Math.ceil((Date.now() - started) / intervalMs)
  const versions = history.filter(({ metadata }) => metadata.name === name)
  // it came, was taken in, and was counted at most once an interval
  t.ok(
    versions.length <= 2 + intervals + 1,
    `${versions.length} versions in ${intervals} intervals`,
  )
})

t.test('an operator that may not write policies holds jobs to them all the same', async t => {
  const cluster = await aCluster(t)
  const name = `${cluster.namespace}-small`
  await applied(t, [aPolicy(name, { maxSequenceLength: 256 }, cluster.namespace)])
  const { resourceVersion } = (await getPolicy(name)).metadata
  await cluster.operator()
  await cluster.submitJob('one', JOB)
  await cluster.untilJob('one', isHeld)
  const policy = await getPolicy(name)
  t.equal(policy.status, undefined)
  t.equal(policy.metadata.resourceVersion, resourceVersion)
})
