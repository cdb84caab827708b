import t from 'tap'
import { AttuneOperator } from '../../../deploy/components/attune-operator.ts'
import { kubernetesObjects, registeredBy } from '../../../deploy/render.ts'

t.test('the component registers every object of an installation', async t => {
  const registered = await registeredBy(
    () => new AttuneOperator('attune', { namespace: 'tuning', replicas: 2 }),
  )
  const objects = kubernetesObjects(registered)
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
  t.notMatch(
    JSON.stringify(objects['ClusterRole/tuning-attune-operator']),
    /secrets/,
    'no Secret is readable',
  )
  t.equal(
    objects['CustomResourceDefinition/instructiontuningjobs.attune.dev']?.metadata.annotations?.[
      'helm.sh/resource-policy'
    ],
    'keep',
  )
})
