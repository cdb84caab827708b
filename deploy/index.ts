/** Pulumi program: Attune's operator in a namespace of its own. Settings: `pulumi config` (see Pulumi.yaml). */
import * as k8s from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { AttuneOperator } from './components/attune-operator.ts'

const config = new pulumi.Config('attune')
const namespaceName = config.get('namespace') ?? 'attune-system'

const namespace = new k8s.core.v1.Namespace('attune', {
  metadata: { name: namespaceName, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
})

const operator = new AttuneOperator(
  'attune',
  {
    namespace: namespaceName,
    ...(config.get('operatorImage') === undefined
      ? {}
      : { operatorImage: config.require('operatorImage') }),
    ...(config.get('trainerImage') === undefined
      ? {}
      : { trainerImage: config.require('trainerImage') }),
    ...(config.getNumber('replicas') === undefined
      ? {}
      : { replicas: config.requireNumber('replicas') }),
  },
  { dependsOn: [namespace] },
)

export const metricsUrl = operator.metricsUrl
