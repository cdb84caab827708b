import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import {
  AttuneOperator,
  type AttuneOperatorArguments,
} from '../../deploy/components/attune-operator.ts'
import { kubernetesObjects, type RegisteredObject, registeredBy } from '../../deploy/render.ts'
import { binary, ensureBinaries } from '../cluster/binaries.ts'
import { run } from '../cluster/run-command.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { ACCEPTED_ENDPOINTS, REFUSED_ENDPOINTS } from '../fixtures/operator/hub-endpoints.ts'
import { applied as applyUntilEnd } from '../fixtures/policy/admission.ts'

type Objects = Readonly<Record<string, RegisteredObject>>
/** One installation, as Helm is told of it and as Pulumi is. */
type Installation = {
  readonly values: object
  readonly release: string
  readonly knowsPodMonitor: boolean
  readonly args: AttuneOperatorArguments
}

const CHART = fileURLToPath(new URL('../../charts/attune', import.meta.url))

const DEFAULT: Installation = { values: {}, release: 'attune', knowsPodMonitor: false, args: {} }

const SHARED = {
  replicas: 3,
  imagePullSecrets: [{ name: 'pull' }, { name: 'pull-too' }],
  resources: { requests: { cpu: '75m', memory: '256Mi' }, limits: { cpu: '1', memory: '1Gi' } },
  logLevel: 'debug',
  hubEndpoint: 'https://hub.example.com/mirror',
  httpsProxy: 'http://proxy.example.com:3128',
  noProxy: '.svc,10.0.0.1',
  nodeSelector: { 'kubernetes.io/os': 'linux', pool: 'control' },
  tolerations: [
    { key: 'pool', operator: 'Equal', value: 'control', effect: 'NoSchedule' },
    { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 },
  ],
  podAnnotations: { 'example.com/owner': 'tuning', 'example.com/number': '7' },
} as const satisfies AttuneOperatorArguments

/** Not those of other tests: the API server is theirs too. */
const NAMESPACES = ['installation-a', 'installation-b']

const MONITOR = { enabled: true, interval: '45s', labels: { prometheus: 'team' } } as const

const FENCED = {
  enabled: true,
  prometheusNamespaces: ['observability'],
  operator: {
    ingress: false,
    metricsFrom: [
      { podSelector: { matchLabels: { app: 'prometheus' } }, namespaceSelector: {} },
      { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } },
    ],
    egress: true,
    apiServer: { cidrs: ['172.16.0.1/32', 'fd00::1/128'], ports: [16443, 8443] },
    additionalEgress: [
      { to: [{ ipBlock: { cidr: '10.0.0.53/32' } }], ports: [{ protocol: 'UDP', port: 5353 }] },
    ],
  },
} satisfies AttuneOperatorArguments['networkPolicies']

const CHANGED: Installation = {
  values: {
    ...SHARED,
    image: { repository: 'registry.example.com/operator', tag: '2', pullPolicy: 'Always' },
    trainerImage: { repository: 'registry.example.com/trainer', tag: '3' },
    crds: { enabled: true, keep: false },
    namespaces: NAMESPACES,
    rbac: { clusterReads: true },
    networkPolicies: { ...FENCED, enabled: false },
    tuningPolicies: { enforce: false },
    baseModels: { verify: false },
    tenantRoles: { create: false },
    metrics: { podMonitor: MONITOR },
  },
  release: 'other',
  knowsPodMonitor: true,
  args: {
    ...SHARED,
    release: 'other',
    operatorImage: 'registry.example.com/operator:2',
    trainerImage: 'registry.example.com/trainer:3',
    imagePullPolicy: 'Always',
    keepCrds: false,
    namespaces: NAMESPACES,
    clusterReads: true,
    networkPolicies: { ...FENCED, enabled: false },
    enforceTuningPolicies: false,
    verifyBaseModels: false,
    tenantRoles: false,
    podMonitor: MONITOR,
  },
}

t.before(() =>
  applyUntilEnd(
    t,
    NAMESPACES.map(name => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
  ),
)

const IN_NAMESPACES = {
  namespaces: NAMESPACES,
  networkPolicies: { ...FENCED, operator: { ...FENCED.operator, ingress: true } },
}

/** Roles in these namespaces, and no ClusterRole of the operator, which is fenced in both ways. */
const NAMESPACED: Installation = { ...DEFAULT, values: IN_NAMESPACES, args: IN_NAMESPACES }

/** The operator's pods let out to what it needs, a mirror of the hub behind a proxy among it. */
const LET_OUT = {
  hubEndpoint: 'https://hub.example.com:8443/mirror',
  httpsProxy: 'http://proxy.example.com',
  networkPolicies: { operator: { egress: true } },
} as const satisfies AttuneOperatorArguments

const INSTALLATIONS = {
  'default values': DEFAULT,
  'every value changed': CHANGED,
  'in a list of namespaces': NAMESPACED,
  'let out to the hub': { ...DEFAULT, values: LET_OUT, args: LET_OUT },
}

const chartObjects = async (installation: Installation, namespace: string): Promise<Objects> => {
  await ensureBinaries(['helm'])
  const monitor = ['--api-versions', 'monitoring.coreos.com/v1/PodMonitor']
  const text = await run(
    binary('helm'),
    [
      ...['template', installation.release, CHART, '--namespace', namespace],
      ...['--kube-version', '1.35.4', '--values', '-'],
      ...(installation.knowsPodMonitor ? monitor : []),
    ],
    { timeoutMs: 60_000, stdin: JSON.stringify(installation.values) },
  )
  const objects = parseAllDocuments(text).map(
    document => document.toJS() as RegisteredObject | null,
  )
  return Object.fromEntries(
    objects
      .filter(object => object !== null)
      .map(object => [`${object.kind}/${object.metadata.name}`, object] as const)
      .toSorted(([a], [b]) => a.localeCompare(b)),
  )
}

const pulumiObjects = async ({ args }: Installation, namespace: string): Promise<Objects> =>
  kubernetesObjects(await registeredBy(() => new AttuneOperator('attune', { ...args, namespace })))

const list = (objects: readonly object[]) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })

/** @returns the objects as the server has them afterwards, in the order given */
const applied = async (objects: readonly object[]): Promise<readonly Stored[]> => {
  // A manager of its own: other tests apply the CRDs meanwhile, without these annotations.
  const manager = '--field-manager=installation'
  const how = ['--server-side', '--force-conflicts', '--validate=strict', manager]
  await kubectl(['apply', ...how, '-f', '-'], list(objects))
  const { items } = JSON.parse(await kubectl(['get', '-f', '-', '-o', 'json'], list(objects))) as {
    items: readonly Stored[]
  }
  return items
}

/** What a namespace does not take along when it goes. */
const deleteOfCluster = async (namespace: string) => {
  const names = {
    clusterrole: ['operator', 'view', 'edit'],
    clusterrolebinding: ['operator'],
    validatingadmissionpolicy: ['tuning-policies', 'dataset-policies', 'experiment-policies'],
    validatingadmissionpolicybinding: [
      'tuning-policies',
      'dataset-policies',
      'experiment-policies',
    ],
  }
  const objects = Object.entries(names).flatMap(([kind, ends]) =>
    ends.map(end => `${kind}/${namespace}-attune-${end}`),
  )
  await kubectl(['delete', '--ignore-not-found', ...objects])
}

type Stored = RegisteredObject & {
  readonly metadata: { readonly generation?: number; readonly resourceVersion: string }
}

/** @returns the paths of what was asked for and is not there as asked */
const differences = (asked: unknown, stored: unknown, path: string): readonly string[] => {
  // the priority of a printer column: Go's JSON leaves out a zero
  if (asked === 0 && stored === undefined) return []
  if (typeof asked !== 'object' || asked === null)
    return asked === stored
      ? []
      : [`${path}: ${JSON.stringify(asked)} is ${JSON.stringify(stored)}`]
  if (typeof stored !== 'object' || stored === null) return [`${path} is missing`]
  if (Array.isArray(asked) && asked.length !== (stored as readonly unknown[]).length)
    return [`${path} has another length`]
  return Object.entries(asked).flatMap(([key, value]) =>
    differences(value, (stored as Record<string, unknown>)[key], `${path}.${key}`),
  )
}

/** The control plane of the tests has no Prometheus operator. */
const applicable = (objects: Objects) =>
  Object.values(objects).filter(({ kind }) => kind !== 'PodMonitor')

const WRITTEN_BY_OTHERS = ['CustomResourceDefinition', 'Deployment', 'ValidatingAdmissionPolicy']

const versions = (stored: readonly Stored[]) =>
  stored
    // other tests apply the CRD too, and controllers write the status of the others: the Deployment's generation is compared
    .filter(({ kind }) => !WRITTEN_BY_OTHERS.includes(kind))
    .map(({ kind, metadata }) => [kind, metadata.name, metadata.resourceVersion])

const generation = (stored: readonly Stored[]) =>
  stored.find(({ kind }) => kind === 'Deployment')?.metadata.generation

for (const [which, installation] of Object.entries(INSTALLATIONS)) {
  t.test(`chart and Pulumi component install equal objects: ${which}`, async t => {
    const fromChart = await chartObjects(installation, 'tuning')
    const fromPulumi = await pulumiObjects(installation, 'tuning')
    t.strictSame(Object.keys(fromPulumi), Object.keys(fromChart))
    for (const [name, object] of Object.entries(fromChart))
      t.strictSame(fromPulumi[name], object, name)
  })

  t.test(`the API server keeps every field of both: ${which}`, async t => {
    const namespace = await testNamespace(t)
    t.teardown(() => deleteOfCluster(namespace))
    const fromChart = applicable(await chartObjects(installation, namespace))
    const fromPulumi = applicable(await pulumiObjects(installation, namespace))

    const first = await applied(fromChart)
    t.strictSame(differences(fromChart, first, 'chart'), [])
    t.equal(generation(first), 1)

    const second = await applied(fromPulumi)
    t.strictSame(differences(fromPulumi, second, 'Pulumi'), [])
    t.equal(generation(second), 1, 'the component over the chart changes nothing')
    t.strictSame(versions(second), versions(first))
  })
}

const leaves = (value: unknown, path: string): readonly (readonly [string, unknown])[] =>
  typeof value === 'object' && value !== null && Object.keys(value).length > 0
    ? Object.entries(value).flatMap(([key, item]) => leaves(item, `${path}.${key}`))
    : [[path, JSON.stringify(value)]]

t.test('the changed values leave none of the chart as it is', async t => {
  const text = await run(binary('helm'), ['show', 'values', CHART], {})
  const [defaults] = parseAllDocuments(text)
  const changed = new Map(leaves(CHANGED.values, 'values'))
  const same = leaves(defaults?.toJS(), 'values')
    .filter(([path, value]) => changed.get(path) === value)
    .map(([path]) => path)
  // without the CRDs there is nothing to keep, and PodMonitors are on but for a cluster without the kind
  t.strictSame(same, ['values.crds.enabled', 'values.metrics.podMonitor.enabled'])
  const paths = [...changed.keys()]
  const untouched = leaves(defaults?.toJS(), 'values').filter(
    ([path]) => !paths.some(other => other === path || other.startsWith(`${path}.`)),
  )
  t.strictSame(untouched, [], 'every value of the chart is among the changed')
})

t.test('both leave out the CRDs and the PodMonitors where told', async t => {
  const without: Installation = {
    values: { crds: { enabled: false }, metrics: { podMonitor: { enabled: false } } },
    release: 'attune',
    knowsPodMonitor: true,
    args: { installCrds: false, podMonitor: { enabled: false } },
  }
  const fromChart = await chartObjects(without, 'tuning')
  t.notOk(Object.keys(fromChart).some(name => /^(Custom|PodMonitor)/.test(name)))
  t.strictSame(await pulumiObjects(without, 'tuning'), fromChart)
})

t.test('the chart accepts the endpoints that the operator does, and no other', async t => {
  const withEndpoint = (hubEndpoint: string): Installation => ({
    ...DEFAULT,
    values: { hubEndpoint },
  })
  for (const endpoint of ACCEPTED_ENDPOINTS)
    await t.resolves(chartObjects(withEndpoint(endpoint), 'tuning'), endpoint)
  for (const [name, endpoint] of Object.entries(REFUSED_ENDPOINTS))
    await t.rejects(
      chartObjects(withEndpoint(endpoint), 'tuning'),
      { message: /hubEndpoint/ },
      name,
    )
})
