import { STAGES } from '@attune/crds/stage.ts'
import t from 'tap'
import { NetworkPolicies, type NetworkPolicy, Pods } from '../../operator/src/job/kinds.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { datasetCluster } from '../fixtures/operator/dataset-cluster.ts'
import { policyPatches } from '../fixtures/operator/policy-patches.ts'
import { createKubelet, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

type Selector = {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: string
    readonly values: readonly string[]
  }[]
}

/** As the API server's own query takes it. */
const selectorText = ({ matchLabels = {}, matchExpressions = [] }: Selector): string =>
  [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(
      ({ key, operator, values }) => `${key} ${operator.toLowerCase()} (${values.join()})`,
    ),
  ].join()

t.test('each pod is selected by the NetworkPolicy of its stage and by no other', async t => {
  const cluster = await datasetCluster(t)
  const { client, namespace } = cluster
  await cluster.operator({ networkPolicyFrom: ['attune-system'] })
  await cluster.submit()
  const curate = await cluster.curates()
  await cluster.ends(curate)
  await cluster.ready()
  // as the dataset
  await cluster.submitJob('pairs')
  await cluster.submitJob('other')
  const stageOf: Record<string, string> = { [curate.metadata.name]: 'curate' }
  const kubelet = createKubelet(client, namespace, 'pairs')
  for (const stage of STAGES) {
    stageOf[(await kubelet.pod(1, stage)).metadata.name] = stage
    if (stage !== 'publish') await kubelet.succeeds(1, stage)
  }
  const elsewhere = await createKubelet(client, namespace, 'other').pod(1, 'prepare')
  stageOf[elsewhere.metadata.name] = "another job's prepare"
  await cluster.kubectl('run', 'foreign', '--image=none', '-l=attune.dev/stage=train,team=a')
  stageOf['foreign'] = 'a pod of somebody'

  const { items } = await client.list(NetworkPolicies, { namespace })
  const selecting: Record<string, string[]> = {}
  for (const { metadata, spec } of items) {
    const labelSelector = selectorText((spec as { podSelector: Selector }).podSelector)
    const { items: pods } = await client.list(Pods, { namespace, labelSelector })
    for (const pod of pods) {
      const stage = stageOf[pod.metadata.name] ?? pod.metadata.name
      selecting[stage] = [...(selecting[stage] ?? []), metadata.name]
    }
  }
  t.strictSame(selecting, {
    curate: ['pairs-curate'],
    prepare: ['pairs-egress'],
    train: ['pairs-isolated'],
    evaluate: ['pairs-isolated'],
    publish: ['pairs-isolated'],
    "another job's prepare": ['other-egress'],
  })
  const lets = ({ spec }: NetworkPolicy) => {
    const { policyTypes, egress } = spec as { policyTypes: string[]; egress?: object[] }
    t.strictSame(policyTypes, ['Ingress', 'Egress'])
    return egress !== undefined
  }
  t.strictSame(
    items.filter(lets).map(({ metadata }) => metadata.name),
    ['other-egress', 'pairs-curate', 'pairs-egress'],
    'those that let out',
  )
  await kubelet.succeeds(1, 'publish')
  await eventually(async () => {
    const left = await client.list(NetworkPolicies, { namespace })
    const names = left.items.map(({ metadata }) => metadata.name)
    if (names.some(name => /^pairs-(egress|isolated)$/.test(name))) throw new Error(names.join())
    t.strictSame(names, ['other-egress', 'other-isolated', 'pairs-curate'])
  })
})

t.test(
  'one that is opened while a pod runs is put right in place, also without its labels',
  async t => {
    const cluster = await tuningCluster(t)
    const { client, namespace } = cluster
    const ref = { name: 'home-isolated', namespace }
    const change = async (...operations: readonly object[]) =>
      JSON.parse(
        await kubectl([
          ...['patch', 'netpol', ref.name, '-n', namespace, '--type=json', '-o', 'json'],
          ...['-p', JSON.stringify(operations)],
        ]),
      ) as NetworkPolicy
    const open = { op: 'add', path: '/spec/egress', value: [{}] }
    const operator = await cluster.operator({ networkPolicyFrom: ['attune-system'] })
    await cluster.submit()
    await cluster.kubelet.succeeds(1, 'prepare')
    await cluster.kubelet.starts(1, 'train')
    const { metadata, spec } = await client.get(NetworkPolicies, ref)

    const noted = {
      op: 'add',
      path: '/metadata/annotations',
      value: { 'example.com/note': 'theirs' },
    }
    const wider = { op: 'replace', path: '/spec/ingress', value: [{}] }
    const opened = await change({ op: 'remove', path: '/metadata/labels' }, noted, wider, open)
    t.match(opened.spec, { egress: [{}], ingress: [{}] })
    await eventually(async () => {
      const there = await client.get(NetworkPolicies, ref)
      if (there.metadata.resourceVersion === opened.metadata.resourceVersion)
        throw new Error('it is still the opened one')
      t.strictSame(there.spec, spec)
      t.equal(there.metadata.uid, metadata.uid, 'it was never gone')
      t.match(there.metadata.annotations, { 'example.com/note': 'theirs' })
    })
    await eventually(async () => {
      const told = await policyPatches(operator)
      if (!told.some(line => line.includes('code="200"'))) throw new Error(`told: ${told.join()}`)
    })

    await change({ op: 'remove', path: '/metadata/ownerReferences' }, open)
    const { status } = await cluster.until(
      job =>
        job.status?.conditions?.some(({ message }) => /belongs to another/.test(message)) ?? false,
      'it is not said that somebody has taken it over',
    )
    t.match(
      status?.conditions?.find(({ type }) => type === 'Reconciling'),
      { reason: 'Waiting', message: /NetworkPolicy home-isolated belongs to another/ },
    )
    await kubectl(['delete', 'netpol', ref.name, '-n', namespace])
    await eventually(async () => {
      t.strictSame((await client.get(NetworkPolicies, ref)).spec, spec)
    })
  },
)
