/** Component `AttuneOperator`: CRDs, operator, RBAC and metrics Service, one resource each. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as k8s from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import { parse } from 'yaml'
import {
  clusterRole,
  clusterRoleBinding,
  deployment,
  metricsService,
  type OperatorSettings,
  role,
  roleBinding,
  serviceAccount,
} from './operator-objects.ts'

const CRDS = fileURLToPath(import.meta.resolve('@attune/crds/generate.ts')).replace(
  /generate\.ts$/,
  '',
)

type CustomResourceDefinition = ConstructorParameters<
  typeof k8s.apiextensions.v1.CustomResourceDefinition
>[1] & {
  readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> }
}

const definitions = (): readonly CustomResourceDefinition[] =>
  readdirSync(CRDS)
    .filter(name => name.endsWith('.yaml'))
    .map(name => parse(readFileSync(`${CRDS}${name}`, 'utf8')) as CustomResourceDefinition)

export type AttuneOperatorArguments = Partial<OperatorSettings> & {
  /** CRDs outlive the stack, and with them every InstructionTuningJob */
  readonly keepCrds?: boolean
}

const DEFAULTS: OperatorSettings = {
  release: 'attune',
  namespace: 'attune-system',
  version: '0.1.0',
  operatorImage: 'attune/operator:0.1.0',
  trainerImage: 'attune/trainer:0.1.0',
  replicas: 1,
  logLevel: 'info',
}

/**
 * Installs what the chart `charts/attune` installs at the same values.
 * The namespace must exist; no Helm is involved, every object is a resource of the stack.
 */
export class AttuneOperator extends pulumi.ComponentResource {
  readonly metricsUrl: pulumi.Output<string>

  constructor(
    name: string,
    args: AttuneOperatorArguments = {},
    options: pulumi.ComponentResourceOptions = {},
  ) {
    super('attune:index:AttuneOperator', name, {}, options)
    const { keepCrds = true, ...given } = args
    const settings: OperatorSettings = { ...DEFAULTS, ...given }
    const parent = { parent: this }
    const crds = definitions().map(definition => {
      const annotations = {
        ...definition.metadata.annotations,
        ...(keepCrds ? { 'helm.sh/resource-policy': 'keep' } : {}),
      }
      return new k8s.apiextensions.v1.CustomResourceDefinition(
        definition.metadata.name,
        { ...definition, metadata: { ...definition.metadata, annotations } },
        { ...parent, retainOnDelete: keepCrds },
      )
    })
    const account = new k8s.core.v1.ServiceAccount(
      `${name}-service-account`,
      serviceAccount(settings),
      parent,
    )
    new k8s.rbac.v1.ClusterRole(`${name}-cluster-role`, clusterRole(settings), parent)
    new k8s.rbac.v1.ClusterRoleBinding(
      `${name}-cluster-role-binding`,
      clusterRoleBinding(settings),
      parent,
    )
    new k8s.rbac.v1.Role(`${name}-role`, role(settings), parent)
    new k8s.rbac.v1.RoleBinding(`${name}-role-binding`, roleBinding(settings), parent)
    new k8s.apps.v1.Deployment(`${name}-deployment`, deployment(settings), {
      ...parent,
      dependsOn: [...crds, account],
    })
    const service = new k8s.core.v1.Service(`${name}-metrics`, metricsService(settings), parent)
    this.metricsUrl = pulumi.interpolate`http://${service.metadata.name}.${service.metadata.namespace}.svc:8080/metrics`
    this.registerOutputs({ metricsUrl: this.metricsUrl })
  }
}
