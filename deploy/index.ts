/**
 * Pulumi program: Attune's operator in a namespace of its own. Settings: `pulumi config`, by the
 * names of `AttuneOperatorArguments`; `pulumi config set --path` reaches into those that are no text.
 */
import * as k8s from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { AttuneOperator, type AttuneOperatorArguments } from './components/attune-operator.ts'

const config = new pulumi.Config('attune')
const namespaceName = config.get('namespace') ?? 'attune-system'

const namespace = new k8s.core.v1.Namespace('attune', {
  metadata: { name: namespaceName, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
})

const given = Object.fromEntries(
  [
    ...['operatorImage', 'trainerImage', 'imagePullPolicy', 'logLevel', 'hubEndpoint'].map(
      key => [key, config.get(key)] as const,
    ),
    ...[
      'replicas',
      'imagePullSecrets',
      'resources',
      'podMonitor',
      'nodeSelector',
      'tolerations',
      'podAnnotations',
    ].map(key => [key, config.getObject(key)] as const),
  ].filter(([, value]) => value !== undefined),
) as AttuneOperatorArguments

const operator = new AttuneOperator(
  'attune',
  { ...given, namespace: namespaceName },
  { dependsOn: [namespace] },
)

export const metricsUrl = operator.metricsUrl
