/** Component `AttuneOperator`: CRDs, operator, RBAC, NetworkPolicy, metrics Service and PodMonitors, one resource each. */
import * as k8s from '@pulumi/kubernetes'
import * as pulumi from '@pulumi/pulumi'
import {
  clusterRole,
  clusterRoleBinding,
  namespaceRole,
  namespaceRoleBinding,
  role,
  roleBinding,
  serviceAccount,
} from './access.ts'
import { admissions } from './admission.ts'
import { customResourceDefinitions } from './crds.ts'
import { operatorNetworkPolicy } from './network-policy.ts'
import { deployment, metricsService } from './operator-objects.ts'
import {
  DEFAULT_SETTINGS,
  type NetworkPolicySettings,
  type OperatorNetworkSettings,
  type OperatorSettings,
  type PodMonitorSettings,
} from './operator-settings.ts'
import { operatorPodMonitor, trainerPodMonitor } from './pod-monitors.ts'
import { tenantClusterRoles } from './tenant-cluster-roles.ts'

export type AttuneOperatorArguments = Partial<
  Omit<OperatorSettings, 'podMonitor' | 'networkPolicies'>
> & {
  readonly podMonitor?: Partial<PodMonitorSettings>
  readonly networkPolicies?: Partial<Omit<NetworkPolicySettings, 'operator'>> & {
    readonly operator?: Partial<Omit<OperatorNetworkSettings, 'apiServer'>> & {
      readonly apiServer?: Partial<OperatorNetworkSettings['apiServer']>
    }
  }
  /** false: another stack or chart brings the CRDs */
  readonly installCrds?: boolean
  /** CRDs outlive the stack, and with them every InstructionTuningJob */
  readonly keepCrds?: boolean
}

type Parent = { readonly parent: pulumi.Resource }

const installClusterRole = (name: string, settings: OperatorSettings, parent: Parent) => [
  new k8s.rbac.v1.ClusterRole(`${name}-cluster-role`, clusterRole(settings), parent),
  new k8s.rbac.v1.ClusterRoleBinding(
    `${name}-cluster-role-binding`,
    clusterRoleBinding(settings),
    parent,
  ),
]

const installNamespaceRoles = (name: string, settings: OperatorSettings, parent: Parent) =>
  settings.namespaces.flatMap(namespace => [
    new k8s.rbac.v1.Role(`${name}-role-${namespace}`, namespaceRole(settings, namespace), parent),
    new k8s.rbac.v1.RoleBinding(
      `${name}-role-binding-${namespace}`,
      namespaceRoleBinding(settings, namespace),
      parent,
    ),
  ])

const installAccess = (name: string, settings: OperatorSettings, parent: Parent) => {
  const account = new k8s.core.v1.ServiceAccount(
    `${name}-service-account`,
    serviceAccount(settings),
    parent,
  )
  return [
    account,
    ...(settings.namespaces.length === 0 || settings.clusterReads
      ? installClusterRole(name, settings, parent)
      : []),
    ...installNamespaceRoles(name, settings, parent),
    new k8s.rbac.v1.Role(`${name}-role`, role(settings), parent),
    new k8s.rbac.v1.RoleBinding(`${name}-role-binding`, roleBinding(settings), parent),
  ]
}

/** The parameter's kind first: until the API server knows it, it would refuse every job. */
const installAdmission = (
  name: string,
  settings: OperatorSettings,
  options: Parent & { readonly dependsOn: pulumi.Resource[] },
) => {
  const { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } =
    k8s.admissionregistration.v1
  for (const { end, policy, binding } of admissions(settings)) {
    const made = new ValidatingAdmissionPolicy(`${name}-${end}`, policy, options)
    new ValidatingAdmissionPolicyBinding(`${name}-${end}-binding`, binding, {
      ...options,
      dependsOn: [made],
    })
  }
}

const installTenantRoles = (name: string, settings: OperatorSettings, parent: Parent) => {
  for (const role of tenantClusterRoles(settings))
    new k8s.rbac.v1.ClusterRole(`${name}-${role.metadata.name}`, role, parent)
}

const installPodMonitors = (name: string, settings: OperatorSettings, parent: Parent) => {
  const { CustomResource } = k8s.apiextensions
  new CustomResource(`${name}-operator-pod-monitor`, operatorPodMonitor(settings), parent)
  new CustomResource(`${name}-trainer-pod-monitor`, trainerPodMonitor(settings), parent)
}

const networkSettings = (
  given: AttuneOperatorArguments['networkPolicies'] = {},
): NetworkPolicySettings => {
  const { networkPolicies: defaults } = DEFAULT_SETTINGS
  const apiServer = { ...defaults.operator.apiServer, ...given.operator?.apiServer }
  const operator = { ...defaults.operator, ...given.operator, apiServer }
  return { ...defaults, ...given, operator }
}

const installNetworkPolicy = (name: string, settings: OperatorSettings, parent: Parent) => {
  const policy = operatorNetworkPolicy(settings)
  if (policy) new k8s.networking.v1.NetworkPolicy(`${name}-network-policy`, policy, parent)
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
    const { installCrds = true, keepCrds = true, podMonitor, networkPolicies, ...given } = args
    const settings: OperatorSettings = {
      ...DEFAULT_SETTINGS,
      ...given,
      podMonitor: { ...DEFAULT_SETTINGS.podMonitor, ...podMonitor },
      networkPolicies: networkSettings(networkPolicies),
    }
    const parent = { parent: this }
    const crds = (installCrds ? customResourceDefinitions(keepCrds) : []).map(
      definition =>
        new k8s.apiextensions.v1.CustomResourceDefinition(definition.metadata.name, definition, {
          ...parent,
          retainOnDelete: keepCrds,
        }),
    )
    const access = installAccess(name, settings, parent)
    new k8s.apps.v1.Deployment(`${name}-deployment`, deployment(settings), {
      ...parent,
      dependsOn: [...crds, ...access],
    })
    const service = new k8s.core.v1.Service(`${name}-metrics`, metricsService(settings), parent)
    installNetworkPolicy(name, settings, parent)
    if (settings.enforceTuningPolicies)
      installAdmission(name, settings, { ...parent, dependsOn: crds })
    if (settings.tenantRoles) installTenantRoles(name, settings, parent)
    if (settings.podMonitor.enabled) installPodMonitors(name, settings, parent)
    this.metricsUrl = pulumi.interpolate`http://${service.metadata.name}.${service.metadata.namespace}.svc:8080/metrics`
    this.registerOutputs({ metricsUrl: this.metricsUrl })
  }
}
