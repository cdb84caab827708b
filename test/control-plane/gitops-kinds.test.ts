import { API_VERSION } from '@attune/crds/api-group.ts'
import { KINDS } from '@attune/crds/kinds.ts'
import t from 'tap'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { aBaseModel } from '../fixtures/crds/a-base-model.ts'
import { type TuningCluster, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'
import { SPEC } from '../fixtures/operator/tuning-job.ts'

// Each has a namespace and an operator of its own, and mostly waits.
t.jobs = 2
const TOGETHER = { buffered: true }

/** The garbage collector learns of a new kind of owner at most every 30 s. */
const COLLECTED = { timeoutMs: 180_000 }
const TENANT = { 'app.kubernetes.io/instance': 'tenant' }
const CHILDREN = 'jobs,pods,configmaps,persistentvolumeclaims'

const manifest = (kind: string, metadata: object, spec: object) => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { labels: TENANT, ...metadata },
  spec,
})

const dataset = (namespace: string) =>
  manifest('InstructionDataset', { name: 'pairs', namespace }, SPEC.dataset)
const experiment = (namespace: string) =>
  manifest(
    'TuningExperiment',
    { name: 'seeds', namespace },
    {
      template: SPEC,
      parameters: [{ path: 'training.seed', values: [1, 2] }],
      strategy: { type: 'Grid' },
    },
  )
const job = (namespace: string) =>
  manifest('InstructionTuningJob', { name: 'home', namespace }, SPEC)

/** Those of the whole cluster have the namespace's name, and choose nothing that other tests make. */
const ofEveryKind = (namespace: string) => [
  dataset(namespace),
  experiment(namespace),
  manifest('BaseModel', { name: namespace }, aBaseModel(namespace).spec),
  manifest(
    'TuningPolicy',
    { name: namespace },
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      maxAcceleratorsPerJob: 8,
    },
  ),
]

type Stored = {
  readonly metadata: { readonly resourceVersion: string; readonly generation: number }
  readonly status?: {
    readonly phase?: string
    readonly trials?: readonly { readonly phase: string }[]
  }
}

const stored = async (cluster: TuningCluster, kind: string, name: string) =>
  JSON.parse(await kubectl(['get', kind, name, '-n', cluster.namespace, '-o', 'json'])) as Stored

/** What the operator says last for now: nothing of what it made goes on, as no kubelet is there. */
const LAST_WORD: Readonly<Record<string, (status: NonNullable<Stored['status']>) => boolean>> = {
  InstructionDataset: ({ phase }) => phase === 'Preparing',
  TuningExperiment: ({ trials }) => trials?.[0]?.phase === 'Running',
}

/** Of a kind of the whole cluster without its status, which the operators of other tests may write. */
const versionOf = ({ metadata, status, ...rest }: Stored, kind: string): string => {
  if (LAST_WORD[kind]) return metadata.resourceVersion
  const { resourceVersion: _, ...kept } = metadata
  return JSON.stringify({ ...rest, metadata: kept })
}

for (const index of [0, 1, 2, 3]) {
  const { kind } = ofEveryKind('x')[index] ?? { kind: '' }
  t.test(`applying the same ${kind} again changes nothing`, TOGETHER, async t => {
    const cluster = await tuningCluster(t)
    await cluster.operator()
    const { namespace } = cluster
    const object = ofEveryKind(namespace)[index]
    const text = JSON.stringify(object)
    const name = { InstructionDataset: 'pairs', TuningExperiment: 'seeds' }[kind] ?? namespace
    t.teardown(() =>
      kubectl(['delete', kind, name, '-n', namespace, '--ignore-not-found']).then(() => {}),
    )
    await kubectl(['apply', '-f', '-'], text)
    const settled = () =>
      eventually(async () => {
        const object = await stored(cluster, kind, name)
        const isLast = LAST_WORD[kind]?.(object.status ?? {}) ?? true
        if (!isLast) throw new Error(`status is ${JSON.stringify(object.status)}`)
        return { version: versionOf(object, kind), generation: object.metadata.generation }
      })
    const first = await settled()
    for (const _ of [1, 2]) t.match(await kubectl(['apply', '-f', '-'], text), 'unchanged')
    t.equal((await settled()).version, first.version)
    t.equal(await kubectl(['diff', '-f', '-'], text), '', 'kubectl diff finds nothing')

    const other = ['apply', '--server-side', '--field-manager=kustomize-controller', '-f', '-']
    await t.resolves(kubectl(other, text), 'no conflict with another manager')
    const shared = await settled()
    await t.resolves(kubectl(other, text))
    const last = await settled()
    t.equal(last.version, shared.version, 'neither writes because of the other')
    t.equal(last.generation, 1, 'nobody has written to the spec')
  })
}

t.test('pruning removes every kind, and what belongs to it', TOGETHER, async t => {
  const cluster = await tuningCluster(t)
  await cluster.operator()
  const { namespace } = cluster
  // two of the kinds are of the whole cluster, where other tests have theirs
  const labels = { 'app.kubernetes.io/instance': namespace }
  const labelled = <T extends { readonly metadata: object }>(object: T) => ({
    ...object,
    metadata: { ...object.metadata, labels },
  })
  const list = (items: readonly { readonly metadata: object }[]) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: items.map(labelled) })
  const kept = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept', namespace } }
  const ofCluster = ['get', 'basemodels,tuningpolicies', '-o', 'name']
  const ours = ['-l', `app.kubernetes.io/instance=${namespace}`]
  t.teardown(() =>
    kubectl(['delete', 'basemodels,tuningpolicies', ...ours, '--ignore-not-found']).then(() => {}),
  )
  const apply = (items: readonly { readonly metadata: object }[]) =>
    kubectl(
      [
        ...['apply', '-n', namespace, '--prune', ...ours],
        ...KINDS.map(({ kind }) => `--prune-allowlist=${API_VERSION}/${kind}`),
        ...['-f', '-'],
      ],
      list(items),
    )
  await apply([kept, job(namespace), ...ofEveryKind(namespace)])
  t.strictSame((await kubectl([...ofCluster, ...ours])).trim().split('\n'), [
    `basemodel.attune.dev/${namespace}`,
    `tuningpolicy.attune.dev/${namespace}`,
  ])
  const names = async (kinds: string) =>
    (await kubectl(['get', kinds, '-n', namespace, '-o', 'name']))
      .split('\n')
      .filter(line => line !== '' && !line.endsWith('kube-root-ca.crt'))
  await eventually(async () => {
    const jobs = await names('jobs')
    if (jobs.length < 3)
      throw new Error(`${jobs.length} Jobs, not those of the job, the dataset and the first trial`)
  })
  await apply([kept])
  t.equal(await kubectl([...ofCluster, ...ours]), '', 'nor those of the whole cluster')
  t.strictSame(
    await names('itj,tex,instructiondatasets').then(all =>
      all.filter(name => !name.includes('seeds-')),
    ),
    [],
  )
  await eventually(async () => {
    const left = await names(`itj,${CHILDREN}`)
    if (left.length > 1) throw new Error(`left: ${left.join(', ')}`)
  }, COLLECTED)
  t.strictSame(await names(`itj,tex,instructiondatasets,${CHILDREN}`), ['configmap/kept'])
})
