/**
 * Pulumi program: Attune's operator in a namespace of its own. Settings: `pulumi config`, by the
 * names in `Pulumi.yaml`; `pulumi config set --path` reaches into those that are no text.
 */
import * as k8s from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { AttuneOperator } from './components/attune-operator.ts'
import { DEFAULT_SETTINGS } from './components/operator-settings.ts'
import { settingsFromConfig } from './settings-from-config.ts'

const settings = settingsFromConfig(new pulumi.Config('attune'))
const name = settings.namespace ?? DEFAULT_SETTINGS.namespace

const namespace = new k8s.core.v1.Namespace('attune', {
  metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
})

const operator = new AttuneOperator(
  'attune',
  { ...settings, namespace: name },
  { dependsOn: [namespace] },
)

export const metricsUrl = operator.metricsUrl
