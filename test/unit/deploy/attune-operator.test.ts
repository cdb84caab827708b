import t from 'tap'
import {
  AttuneOperator,
  type AttuneOperatorArguments,
} from '../../../deploy/components/attune-operator.ts'
import { kubernetesObjects, registeredBy } from '../../../deploy/render.ts'

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
    'ClusterRole/tuning-attune-operator',
    'ClusterRoleBinding/tuning-attune-operator',
    'CustomResourceDefinition/instructiontuningjobs.attune.dev',
    'Deployment/attune-operator',
    'Role/attune-operator',
    'RoleBinding/attune-operator',
    'Service/attune-operator-metrics',
    'ServiceAccount/attune-operator',
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
    'attune.dev/instructiontuningjobs/status: patch',
    'attune.dev/instructiontuningjobs/finalizers: update',
    'batch/jobs: get list watch create delete',
    'core/persistentvolumeclaims: get list watch create delete',
    'core/configmaps: get list watch create delete',
    'core/pods: list watch',
    'core/events: create patch',
  ])
  t.strictSame(grants(objects['Role/attune-operator']), [
    'coordination.k8s.io/leases: get create patch',
  ])
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
    spec: { podMetricsEndpoints: [{ port: 'http', interval: '15s' }] },
  })
})

t.test('CRDs can be left to another', async t => {
  const objects = await objectsOf({ installCrds: false })
  t.notOk(Object.keys(objects).some(name => name.startsWith('CustomResourceDefinition/')))
})
