import t from 'tap'
import { Pods } from '../../operator/src/job/kinds.ts'
import type { PodTemplate } from '../../operator/src/pods/pod-template.ts'
import { Namespaces } from '../../operator/src/policy/kinds.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { mirrored } from '../fixtures/operator/mirrored.ts'
import { policyPatches } from '../fixtures/operator/policy-patches.ts'
import { tuningCluster } from '../fixtures/operator/tuning-cluster.ts'
import { aPolicy, applied, unguarded } from '../fixtures/policy/admission.ts'

t.test('a job from before a policy is held, and goes on once the policy is gone', async t => {
  const cluster = await tuningCluster(t)
  await unguarded(cluster.namespace)
  const name = `${cluster.namespace}-small`
  const policy = aPolicy(name, { maxSequenceLength: 256 }, cluster.namespace)
  await applied(t, [policy])
  await cluster.submit()
  await cluster.operator()
  const { status } = await cluster.until(
    job => job.status?.conditions?.some(({ reason }) => reason === 'PolicyViolation') ?? false,
    'no condition PolicyViolation',
  )
  t.match(
    status?.conditions?.find(({ type }) => type === 'Stalled'),
    {
      status: 'True',
      message: `run 1: spec.training.sequenceLength is 512, and TuningPolicy ${name} allows at most 256 (maxSequenceLength)`,
    },
  )
  t.match(await cluster.event('PolicyViolation'), { message: new RegExp(name) })
  t.strictSame(await cluster.names('jobs'), [])
  await kubectl(['delete', 'tuningpolicy', name])
  await cluster.kubelet.succeeds(1, 'prepare')
  const { status: after } = await cluster.phase('Training')
  t.notOk(after?.conditions?.some(({ type }) => type === 'Stalled'))
})

t.test('a label of the namespace puts its jobs under a policy', async t => {
  const cluster = await tuningCluster(t)
  const { namespace } = cluster
  await unguarded(namespace)
  const namespaces = await mirrored(t, cluster.client, Namespaces)
  const label = `test/${namespace}`
  await applied(t, [
    {
      apiVersion: 'attune.dev/v1alpha1',
      kind: 'TuningPolicy',
      metadata: { name: `${namespace}-none` },
      spec: { namespaceSelector: { matchLabels: { [label]: 'yes' } }, allowedMethods: [] },
    },
  ])
  await cluster.operator()
  await cluster.submit()
  await cluster.kubelet.starts(1, 'prepare')
  await cluster.phase('Preparing')
  await kubectl(['label', 'namespace', namespace, `${label}=yes`])
  await namespaces.until(all => all.some(({ metadata }) => metadata.labels?.[label] === 'yes'))
  await cluster.kubelet.succeeds(1, 'prepare')
  await cluster.until(
    job => job.status?.conditions?.some(({ reason }) => reason === 'PolicyViolation') ?? false,
    'no condition PolicyViolation',
  )
  await kubectl(['label', 'namespace', namespace, `${label}-`])
  await cluster.phase('Training')
})

t.test('pods carry what the tenant asks for under the restricted profile, fenced in', async t => {
  const cluster = await tuningCluster(t)
  const { namespace } = cluster
  await kubectl(['label', 'ns', namespace, 'pod-security.kubernetes.io/enforce=restricted'])
  await kubectl(['create', 'serviceaccount', 'tenant', '-n', namespace])
  const operator = await cluster.operator({ networkPolicyFrom: ['attune-system', 'monitoring'] })
  const podTemplate: PodTemplate = {
    labels: { team: 'a' },
    serviceAccountName: 'tenant',
    env: [{ name: 'TENANT_TEAM', value: 'a' }],
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 1,
            podAffinityTerm: { topologyKey: 'zone', labelSelector: { matchLabels: { team: 'a' } } },
          },
        ],
      },
    },
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' },
    ],
  }
  await cluster.submit({ podTemplate })
  const { metadata } = await cluster.kubelet.pod(1, 'prepare')
  const pod = await cluster.client.get(Pods, { name: metadata.name, namespace })
  t.match(pod, {
    metadata: { labels: { team: 'a', 'attune.dev/stage': 'prepare' } },
    spec: {
      serviceAccountName: 'tenant',
      automountServiceAccountToken: false,
      affinity: podTemplate.affinity,
      topologySpreadConstraints: podTemplate.topologySpreadConstraints,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{ env: [{ name: 'TENANT_TEAM' }, { name: 'HOME', value: '/tmp' }] }],
    },
  })
  const volumes = JSON.stringify((pod.spec as { volumes?: unknown }).volumes)
  t.notMatch(volumes, /serviceAccountToken/)

  const names = ['networkpolicy.networking.k8s.io/home-egress']
  names.push('networkpolicy.networking.k8s.io/home-isolated')
  t.strictSame(await cluster.names('networkpolicy'), names)
  const as = 'jsonpath={.items[*].metadata.resourceVersion}'
  const versions = () => kubectl(['get', 'netpol', '-n', namespace, '-o', as])
  const before = await versions()
  await cluster.kubelet.succeeds(1, 'prepare')
  await cluster.kubelet.pod(1, 'train')
  t.equal(await versions(), before)
  t.strictSame(await policyPatches(operator), [], 'what is stored is what was asked for')
  await kubectl(['delete', 'netpol', 'home-isolated', '-n', namespace])
  await eventually(async () => {
    const there = await cluster.names('networkpolicy')
    if (there.join() !== names.join()) throw new Error(`there are ${there.join()}`)
  })
  await kubectl(['delete', 'itj', 'home', '-n', namespace])
  await kubectl(['wait', '--for=delete', '-n', namespace, ...names, '--timeout=120s'])
})
