import { crdName } from '@attune/crds/custom-resource-definition.ts'
import { KINDS } from '@attune/crds/kinds.ts'
import { PROCESS_METRICS } from '@attune/crds/metrics/process-metrics.ts'
import t from 'tap'
import {
  AttuneOperator,
  type AttuneOperatorArguments,
} from '../../../deploy/components/attune-operator.ts'
import { kubernetesObjects, registeredBy } from '../../../deploy/render.ts'
import { CHILD_SELECTOR } from '../../../operator/src/job/names.ts'
import { OPERATOR_METRICS } from '../../../operator/src/metrics/definitions.ts'
import { TRAINER_METRICS } from '../../../trainer-image/src/metric-definitions.ts'

const objectsOf = async (args: AttuneOperatorArguments) =>
  kubernetesObjects(await registeredBy(() => new AttuneOperator('attune', args)))

type Rule = {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}
/** `group/resource: verbs` of each rule, resource by resource */
const grants = (role: unknown): readonly string[] =>
  (role as { rules: readonly Rule[] }).rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap(group =>
      resources.map(resource => `${group || 'core'}/${resource}: ${verbs.join(' ')}`),
    ),
  )

t.test('the component registers every object of an installation', async t => {
  const objects = await objectsOf({ namespace: 'tuning', replicas: 2 })
  t.strictSame(Object.keys(objects), [
    'ClusterRole/tuning-attune-edit',
    'ClusterRole/tuning-attune-operator',
    'ClusterRole/tuning-attune-view',
    'ClusterRoleBinding/tuning-attune-operator',
    ...KINDS.map(kind => `CustomResourceDefinition/${crdName(kind)}`).toSorted(),
    'Deployment/attune-operator',
    'NetworkPolicy/attune-operator',
    'Role/attune-operator',
    'RoleBinding/attune-operator',
    'Service/attune-operator-metrics',
    'ServiceAccount/attune-operator',
    'ValidatingAdmissionPolicy/tuning-attune-dataset-policies',
    'ValidatingAdmissionPolicy/tuning-attune-experiment-policies',
    'ValidatingAdmissionPolicy/tuning-attune-tuning-policies',
    'ValidatingAdmissionPolicyBinding/tuning-attune-dataset-policies',
    'ValidatingAdmissionPolicyBinding/tuning-attune-experiment-policies',
    'ValidatingAdmissionPolicyBinding/tuning-attune-tuning-policies',
  ])
  t.match(objects['Deployment/attune-operator'], {
    spec: { replicas: 2 },
    metadata: { namespace: 'tuning' },
  })
  t.match(objects['ClusterRoleBinding/tuning-attune-operator'], {
    subjects: [{ namespace: 'tuning' }],
  })
  t.equal(
    objects['CustomResourceDefinition/instructiontuningjobs.attune.dev']?.metadata.annotations?.[
      'helm.sh/resource-policy'
    ],
    'keep',
  )
})

t.test('the roles grant the calls that the operator makes and no other', async t => {
  const objects = await objectsOf({ namespace: 'tuning' })
  t.strictSame(grants(objects['ClusterRole/tuning-attune-operator']), [
    'attune.dev/instructiontuningjobs: list watch',
    'attune.dev/tuningexperiments: list watch',
    'attune.dev/instructiondatasets: list watch',
    'attune.dev/instructiontuningjobs/status: patch',
    'attune.dev/tuningexperiments/status: patch',
    'attune.dev/instructiondatasets/status: patch',
    'attune.dev/instructiontuningjobs/finalizers: update',
    'attune.dev/tuningexperiments/finalizers: update',
    'attune.dev/instructiondatasets/finalizers: update',
    'attune.dev/instructiontuningjobs: get create patch',
    'batch/jobs: get list watch create delete',
    'kueue.x-k8s.io/workloads: get list watch',
    'core/persistentvolumeclaims: get list watch create delete',
    'core/configmaps: get list watch create delete',
    'core/pods: list watch',
    'networking.k8s.io/networkpolicies: get list watch create delete patch',
    'core/events: list create patch',
    'attune.dev/basemodels: list watch',
    'attune.dev/tuningpolicies: list watch',
    'core/namespaces: list watch',
    'attune.dev/basemodels/status: patch',
    'attune.dev/tuningpolicies/status: patch',
  ])
  t.strictSame(grants(objects['Role/attune-operator']), [
    'coordination.k8s.io/leases: get create patch',
  ])
})

const AGGREGATED = 'rbac.authorization.k8s.io/aggregate-to-'

t.test('people who may edit a namespace may edit our kinds in it, and no policy', async t => {
  const objects = await objectsOf({ namespace: 'tuning' })
  const view = objects['ClusterRole/tuning-attune-view']
  const edit = objects['ClusterRole/tuning-attune-edit']
  t.match(view, { metadata: { labels: { [`${AGGREGATED}view`]: 'true' } } })
  t.match(edit, {
    metadata: { labels: { [`${AGGREGATED}edit`]: 'true', [`${AGGREGATED}admin`]: 'true' } },
  })
  t.notHas(edit?.metadata, { labels: { [`${AGGREGATED}view`]: 'true' } })
  for (const { plural, scope } of KINDS) {
    t.match(grants(view).join(), `attune.dev/${plural}: get list watch`)
    const writes = `attune.dev/${plural}: create update patch delete deletecollection`
    t.equal(grants(edit).includes(writes), scope === 'Namespaced', plural)
  }
})

t.test('in a list of namespaces it has Roles in each and no right beyond them', async t => {
  const whole = await objectsOf({ namespace: 'tuning' })
  const objects = await objectsOf({
    namespace: 'tuning',
    namespaces: ['a', 'b'],
    tenantRoles: false,
  })
  t.notOk(Object.keys(objects).some(name => name.startsWith('ClusterRole')))
  const ofCluster = new Set(['basemodels', 'tuningpolicies', 'namespaces'])
  const expected = grants(whole['ClusterRole/tuning-attune-operator']).filter(
    grant => !ofCluster.has(grant.split(/[/:]/)[1] ?? ''),
  )
  for (const namespace of ['a', 'b']) {
    const name = `tuning-attune-operator-${namespace}`
    t.strictSame(grants(objects[`Role/${name}`]), expected, namespace)
    t.match(objects[`RoleBinding/${name}`], {
      metadata: { namespace },
      roleRef: { kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', namespace: 'tuning' }],
    })
  }
  const args = JSON.stringify(objects['Deployment/attune-operator'])
  t.match(args, '"--namespaces=a,b"')
  t.notMatch(args, /check-policies|report-policies|read-catalogue|verify-catalogue/)
})

t.test('beside its Roles it reads the catalogue and the policies where told to', async t => {
  const objects = await objectsOf({
    namespace: 'tuning',
    namespaces: ['a'],
    clusterReads: true,
    tenantRoles: false,
  })
  t.strictSame(grants(objects['ClusterRole/tuning-attune-operator']), [
    'attune.dev/basemodels: list watch',
    'attune.dev/tuningpolicies: list watch',
    'core/namespaces: list watch',
  ])
  t.match(objects['ClusterRoleBinding/tuning-attune-operator'], {
    roleRef: { kind: 'ClusterRole', name: 'tuning-attune-operator' },
    subjects: [{ kind: 'ServiceAccount', namespace: 'tuning' }],
  })
  t.ok(objects['Role/tuning-attune-operator-a'])
  const args = JSON.stringify(objects['Deployment/attune-operator'])
  t.match(args, '"--namespaces=a","--check-policies","--read-catalogue"')
  t.notMatch(args, /report-policies|verify-catalogue/)
})

t.test('the pods of jobs let in the operator and the Prometheus that it is told of', async t => {
  const argsOf = async (networkPolicies: AttuneOperatorArguments['networkPolicies'] = {}) =>
    JSON.stringify(
      (await objectsOf({ namespace: 'tuning', networkPolicies }))['Deployment/attune-operator'],
    )
  t.match(await argsOf(), '"--network-policy-from=tuning,monitoring"')
  t.match(await argsOf({ prometheusNamespaces: [] }), '"--network-policy-from=tuning"')
  t.notMatch(await argsOf({ enabled: false }), 'network-policy')
})

const fenceOf = async (args: AttuneOperatorArguments) =>
  (await objectsOf({ namespace: 'tuning', ...args }))['NetworkPolicy/attune-operator'] as
    | { spec: { policyTypes: string[]; ingress?: object[]; egress?: object[] } }
    | undefined
const tcp = (...ports: readonly number[]) => ports.map(port => ({ protocol: 'TCP', port }))
const named = (...values: readonly string[]) => ({
  matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values }],
})

t.test('of the operator anybody asks the health, and Prometheus the metrics', async t => {
  const agent = { ipBlock: { cidr: '10.0.0.0/24' } }
  const policy = await fenceOf({ networkPolicies: { operator: { metricsFrom: [agent] } } })
  t.match(policy, {
    spec: {
      podSelector: { matchLabels: { 'app.kubernetes.io/name': 'attune-operator' } },
      policyTypes: ['Ingress'],
    },
  })
  t.strictSame(policy?.spec.ingress, [
    { ports: tcp(8081) },
    {
      from: [{ namespaceSelector: named('tuning', 'monitoring') }, agent],
      ports: tcp(8080),
    },
  ])
  t.notHas(policy?.spec, 'egress', 'on by default is only what cannot cut it off')
})

t.test('where it is told to, the operator gets out to what it needs alone', async t => {
  const operator = { ingress: false, egress: true }
  const policy = await fenceOf({ networkPolicies: { operator } })
  t.strictSame(policy?.spec.policyTypes, ['Egress'])
  const dns = { ports: [{ protocol: 'UDP', port: 53 }, ...tcp(53)] }
  const pods = { matchLabels: { 'app.kubernetes.io/managed-by': 'attune-operator' } }
  const trainers = (namespaceSelector: object) => ({
    to: [{ podSelector: pods, namespaceSelector }],
    ports: tcp(8080),
  })
  t.strictSame(policy?.spec.egress, [
    dns,
    { ports: tcp(443, 6443) },
    trainers({}),
    { ports: tcp(443) },
  ])

  const more = { to: [{ ipBlock: { cidr: '10.0.0.53/32' } }] }
  const apiServer = { cidrs: ['172.16.0.1/32'], ports: [16443] }
  const narrow = await fenceOf({
    namespaces: ['a', 'b'],
    networkPolicies: { operator: { ...operator, apiServer, additionalEgress: [more] } },
  })
  t.strictSame(
    narrow?.spec.egress,
    [
      dns,
      { ports: tcp(16443), to: [{ ipBlock: { cidr: '172.16.0.1/32' } }] },
      trainers(named('a', 'b')),
      more,
    ],
    'one that verifies no catalogue asks no hub',
  )

  const urls = { hubEndpoint: 'http://hub.example/mirror', httpsProxy: 'http://proxy.example:3128' }
  const mirrored = await fenceOf({ ...urls, networkPolicies: { operator } })
  t.strictSame(mirrored?.spec.egress?.at(-1), { ports: tcp(80, 3128) })
})

t.test('the operator has no NetworkPolicy where none is wanted', async t => {
  t.equal(await fenceOf({ networkPolicies: { enabled: false } }), undefined)
  t.equal(await fenceOf({ networkPolicies: { operator: { ingress: false } } }), undefined)
})

t.test('nobody is given Secrets', async t => {
  const installed = { ...(await objectsOf({})), ...(await objectsOf({ namespaces: ['a'] })) }
  const roles = Object.entries(installed).filter(([name]) => /Role\//.test(name))
  t.ok(roles.length >= 5)
  for (const [name, role] of roles)
    for (const grant of grants(role)) t.notMatch(grant, /secrets|\/\*|: .*\*/, name)
})

t.test('the operator is told of a hub endpoint only where there is one', async t => {
  const argsOf = async (settings: AttuneOperatorArguments) =>
    JSON.stringify((await objectsOf(settings))['Deployment/attune-operator'])
  t.match(await argsOf({ hubEndpoint: 'https://hub.example' }), /"--hub-endpoint=https:..hub\.exa/)
  t.notMatch(await argsOf({}), /hub-endpoint/)
})

t.test('PodMonitors come when asked for, and keep the namespace that a series names', async t => {
  const objects = await objectsOf({ podMonitor: { enabled: true, labels: { team: 'a' } } })
  t.match(objects['PodMonitor/attune-operator'], {
    metadata: { labels: { team: 'a', 'app.kubernetes.io/part-of': 'attune' } },
    spec: { podMetricsEndpoints: [{ port: 'metrics', honorLabels: true, interval: '15s' }] },
  })
  t.match(objects['PodMonitor/attune-trainer'], {
    spec: {
      selector: { matchLabels: { 'app.kubernetes.io/managed-by': CHILD_SELECTOR.split('=')[1] } },
      sampleLimit: 2000,
      labelLimit: 64,
      labelNameLengthLimit: 128,
      labelValueLengthLimit: 512,
      podMetricsEndpoints: [{ port: 'http', interval: '15s' }],
    },
  })
})

t.test('of a trainer its own metrics are taken, and none that the operator tells', async t => {
  const objects = await objectsOf({ podMonitor: { enabled: true } })
  const { spec } = objects['PodMonitor/attune-trainer'] as unknown as {
    spec: { podMetricsEndpoints: { metricRelabelings: { regex: string; action: string }[] }[] }
  }
  const rules = spec.podMetricsEndpoints.flatMap(({ metricRelabelings }) => metricRelabelings)
  t.match(rules, [{ sourceLabels: ['__name__'], action: 'keep' }])
  // Prometheus anchors it
  const kept = new RegExp(`^(?:${rules[0]?.regex})$`)
  const suffixes = { counter: [''], gauge: [''], histogram: ['_bucket', '_sum', '_count'] }
  for (const { name, type } of [...Object.values(TRAINER_METRICS), ...PROCESS_METRICS])
    for (const suffix of suffixes[type]) t.match(`${name}${suffix}`, kept)
  for (const { name, type } of Object.values(OPERATOR_METRICS))
    for (const suffix of suffixes[type]) t.notMatch(`${name}${suffix}`, kept)
})

t.test('CRDs can be left to another', async t => {
  const objects = await objectsOf({ installCrds: false })
  t.notOk(Object.keys(objects).some(name => name.startsWith('CustomResourceDefinition/')))
})
