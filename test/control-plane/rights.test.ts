import { API_VERSION } from '@attune/crds/api-group.ts'
import { BASE_MODEL_KIND } from '@attune/crds/base-model.ts'
import t, { type Test } from 'tap'
import { AttuneOperator } from '../../deploy/components/attune-operator.ts'
import { kubernetesObjects, registeredBy } from '../../deploy/render.ts'
import { silentLog } from '../../operator/src/kube/log.ts'
import type { Operator } from '../../operator/src/run-operator.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { aBaseModel } from '../fixtures/crds/a-base-model.ts'
import { recordingLog } from '../fixtures/kube/recording-log.ts'
import { installedRights } from '../fixtures/operator/installed-rights.ts'
import { asServiceAccount, untilMay } from '../fixtures/operator/service-account.ts'
import { tuningCluster } from '../fixtures/operator/tuning-cluster.ts'
import { SPEC } from '../fixtures/operator/tuning-job.ts'
import { aPolicy, applied, list, unguarded } from '../fixtures/policy/admission.ts'

/** What its own metrics tell of requests that the API server did not authorize. */
const refusedRequests = async (t: Test, { metricsPort }: Operator): Promise<readonly string[]> => {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  const requests = text
    .split('\n')
    .filter(line => line.startsWith('attune_operator_api_requests_total'))
  t.ok(requests.some(line => line.includes('code="201"')))
  return requests.filter(line => /code="40[13]"/.test(line))
}

const ROLES = ['Role', 'RoleBinding', 'ServiceAccount']
const ACCESS = [...ROLES, 'ClusterRole', 'ClusterRoleBinding']

/** A dataset and an experiment, until each has a child and its status tells of it. */
const curatesAndTries = async (namespace: string) => {
  const object = (kind: string, name: string, spec: object) => ({
    apiVersion: 'attune.dev/v1alpha1',
    kind,
    metadata: { name, namespace },
    spec,
  })
  const experiment = {
    template: SPEC,
    parameters: [{ path: 'training.seed', values: [1, 2] }],
    strategy: { type: 'Grid' },
  }
  const items = [
    object('InstructionDataset', 'pairs', SPEC.dataset),
    object('TuningExperiment', 'seeds', experiment),
  ]
  await kubectl(['apply', '-f', '-'], list(items))
  const get = async (...what: readonly string[]) =>
    (await kubectl(['get', ...what, '-n', namespace])).trim()
  await eventually(async () => {
    const phases = await get('instructiondataset/pairs', 'tex/seeds', '-o', PHASES)
    const children = await get('jobs,itj', '-o', 'name')
    if (!/^\w+ Running$/.test(phases) || !/seeds-/.test(children) || !/pairs-/.test(children))
      throw new Error(`${phases}: ${children}`)
  })
}
const SUSPEND = JSON.stringify({ spec: { suspend: true } })
const PHASES = 'jsonpath={range .items[*]}{.status.phase} {end}'

t.test('an operator with Roles in two namespaces works in both and in no other', async t => {
  const [a, b, other] = [await tuningCluster(t), await tuningCluster(t), await tuningCluster(t)]
  const home = await testNamespace(t)
  const namespaces = [a.namespace, b.namespace]
  const installed = kubernetesObjects(
    await registeredBy(() => new AttuneOperator('attune', { namespace: home, namespaces })),
  )
  const access = Object.values(installed).filter(({ kind }) => ROLES.includes(kind))
  t.equal(access.length, 7)
  await applied(t, access)
  const connection = await asServiceAccount(a.connection, home, 'attune-operator')
  for (const namespace of namespaces)
    await untilMay(home, 'attune-operator', 'create', 'jobs.batch', '-n', namespace)
  await untilMay(home, 'attune-operator', 'create', 'leases.coordination.k8s.io', '-n', home)
  const config = { namespaces, leaderElect: true, leaderNamespace: home }
  const whole = { checkPolicies: false, readCatalogue: false }
  for (const cluster of [other, a, b]) await cluster.submit()
  const operator = await a.operator(
    { ...config, ...whole, networkPolicyFrom: [home] },
    silentLog,
    connection,
  )
  for (const cluster of [a, b]) {
    await cluster.kubelet.succeeds(1, 'prepare')
    await cluster.phase('Training')
    await cluster.event('StageFinished')
  }
  await curatesAndTries(a.namespace)
  t.strictSame(await other.names('jobs'), [])
  t.strictSame((await other.get()).status, { observedGeneration: -1 })
  await kubectl(['delete', 'itj', 'home', '-n', b.namespace])

  t.strictSame(await refusedRequests(t, operator), [], 'it asks for nothing that it may not have')

  const who = `--as=system:serviceaccount:${home}:attune-operator`
  const may = async (...what: readonly string[]) =>
    (await kubectl(['auth', 'can-i', ...what, who]).catch(() => 'no')).trim()
  t.equal(await may('create', 'jobs', '-n', a.namespace), 'yes')
  for (const namespace of [a.namespace, b.namespace, home])
    for (const verb of ['get', 'list', 'watch'])
      t.equal(await may(verb, 'secrets', '-n', namespace), 'no', `${verb} secrets in ${namespace}`)
  t.equal(await may('create', 'jobs', '-n', other.namespace), 'no')
  t.equal(await may('list', 'instructiontuningjobs.attune.dev', '--all-namespaces'), 'no')
})

t.test('the ClusterRole is enough for policies, the catalogue and every kind', async t => {
  const cluster = await tuningCluster(t)
  const { home, connection } = await installedRights(t, cluster.connection)
  await untilMay(home, 'attune-operator', 'list', 'basemodels.attune.dev')
  await untilMay(home, 'attune-operator', 'create', 'leases.coordination.k8s.io', '-n', home)
  const rights = { checkPolicies: true, readCatalogue: true, networkPolicyFrom: [home] }
  const leader = { leaderElect: true, leaderNamespace: home }
  const operator = await cluster.operator({ ...rights, ...leader }, silentLog, connection)
  await cluster.submit()
  await cluster.kubelet.succeeds(1, 'prepare')
  await cluster.phase('Training')
  await curatesAndTries(cluster.namespace)
  await kubectl(['patch', 'tex', 'seeds', '-n', cluster.namespace, '--type=merge', '-p', SUSPEND])
  await eventually(async () => {
    const trial = ['itj', 'seeds-trial-1', '-n', cluster.namespace]
    const suspended = await kubectl(['get', ...trial, '-o', 'jsonpath={.spec.suspend}'])
    if (suspended !== 'true') throw new Error('its trial is not suspended')
  })
  const isolated = ['netpol', 'home-isolated', '-n', cluster.namespace]
  await kubectl(['patch', ...isolated, '--type=merge', '-p', '{"spec":{"egress":[{}]}}'])
  await eventually(async () => {
    const egress = await kubectl(['get', ...isolated, '-o', 'jsonpath={.spec.egress}'])
    if (egress !== '') throw new Error(`it lets out ${egress}`)
  })
  t.strictSame(await refusedRequests(t, operator), [], 'it asks for nothing that it may not have')
  const who = ['--all-namespaces', `--as=system:serviceaccount:${home}:attune-operator`]
  for (const verb of ['get', 'list', 'watch'])
    t.match(
      await kubectl(['auth', 'can-i', verb, 'secrets', ...who]).catch(() => 'no'),
      /^no/,
      `${verb} secrets`,
    )
})

t.test('what takes rights in the whole cluster waits until they are granted', async t => {
  const cluster = await tuningCluster(t)
  const { namespace } = cluster
  const home = await testNamespace(t)
  await unguarded(namespace)
  const model = `${namespace}-small`
  await applied(t, [
    {
      apiVersion: API_VERSION,
      kind: BASE_MODEL_KIND,
      metadata: { name: model },
      spec: aBaseModel('small').spec,
    },
    aPolicy(`${namespace}-none`, { allowedOutputs: [] }, namespace),
  ])
  /** What is installed with `clusterReads`, or without it, with its arguments. */
  const install = async (clusterReads: boolean) => {
    const installed = kubernetesObjects(
      await registeredBy(
        () =>
          new AttuneOperator('attune', { namespace: home, namespaces: [namespace], clusterReads }),
      ),
    )
    await applied(
      t,
      Object.entries(installed)
        .filter(([name, { kind }]) => ACCESS.includes(kind) && /operator(-|$)/.test(name))
        .map(([, object]) => object),
    )
    const text = JSON.stringify(installed['Deployment/attune-operator'])
    return {
      checkPolicies: text.includes('"--check-policies"'),
      readCatalogue: text.includes('"--read-catalogue"'),
      verifyCatalogue: text.includes('"--verify-catalogue"'),
    }
  }
  const start = async (clusterReads: boolean) => {
    const config = await install(clusterReads)
    const log = recordingLog()
    const connection = await asServiceAccount(cluster.connection, home, 'attune-operator')
    await untilMay(home, 'attune-operator', 'create', 'jobs.batch', '-n', namespace)
    if (clusterReads) await untilMay(home, 'attune-operator', 'list', 'basemodels.attune.dev')
    const operator = await cluster.operator(config, log, connection)
    const warnings = log.lines.filter(({ level }) => level === 'warn')
    return { operator, said: warnings.map(({ message }) => message).join('\n') }
  }
  const untilReason = (reason: string) =>
    cluster.until(
      ({ status }) => status?.conditions?.some(one => one.reason === reason) ?? false,
      `no condition has the reason ${reason}`,
    )

  await t.test('without them it says so, in its log and on the job', async t => {
    const { operator, said } = await start(false)
    t.match(said, /TuningPolicies are not checked by this operator.*rbac\.clusterReads/)
    t.match(said, /BaseModels are not read.*rbac\.clusterReads/)
    await cluster.submit({ model: { ref: { name: model } } })
    const { status } = await untilReason('CatalogueNotRead')
    t.match(
      status?.conditions?.find(({ type }) => type === 'Reconciling'),
      { message: /grant it list and watch of basemodels\.attune\.dev.*rbac\.clusterReads/ },
    )
    await cluster.event('CatalogueNotRead')
    t.strictSame(await refusedRequests(t, operator), [])
    await cluster.stop(operator)
  })

  await t.test('with them it takes the model, and holds the job to the policy', async t => {
    const { operator, said } = await start(true)
    t.equal(said, '')
    const { status } = await untilReason('PolicyViolation')
    t.equal(status?.runs?.[0]?.model?.baseModel, model)
    await kubectl(['delete', 'tuningpolicy', `${namespace}-none`])
    await cluster.kubelet.starts(1, 'prepare')
    await cluster.phase('Preparing')
    t.strictSame(await refusedRequests(t, operator), [], 'it asks for nothing that it may not have')
  })
})

t.test('who may edit a namespace may tune in it, and who may view it may look', async t => {
  const namespace = await testNamespace(t)
  const installed = kubernetesObjects(
    await registeredBy(() => new AttuneOperator('attune', { namespace })),
  )
  const roles = ['view', 'edit'].map(name => installed[`ClusterRole/${namespace}-attune-${name}`])
  await applied(t, roles as object[])
  const may = async (role: string, ...what: readonly string[]) =>
    (
      await kubectl(['auth', 'can-i', ...what, '-n', namespace, `--as=${role}-user`]).catch(
        () => 'no',
      )
    ).trim()
  for (const role of ['view', 'edit', 'admin'])
    await kubectl(
      ['create', 'rolebinding', role, `--clusterrole=${role}`, `--user=${role}-user`].concat(
        '-n',
        namespace,
      ),
    )
  await eventually(async () => {
    if ((await may('admin', 'create', 'itj')) !== 'yes') throw new Error('not aggregated yet')
    if ((await may('view', 'list', 'itj')) !== 'yes') throw new Error('not aggregated yet')
    if ((await may('edit', 'patch', 'instructiondatasets.attune.dev')) !== 'yes')
      throw new Error('not aggregated yet')
  })
  t.equal(await may('view', 'create', 'itj'), 'no')
  t.equal(await may('view', 'get', 'tuningexperiments.attune.dev'), 'yes')
  for (const role of ['view', 'edit', 'admin'])
    t.equal(await may(role, 'create', 'tuningpolicies.attune.dev'), 'no', role)
})
