/** The settings of a stack, by the names of `AttuneOperatorArguments`; `Pulumi.yaml` declares each. */
import type { AttuneOperatorArguments } from './components/attune-operator.ts'

/** The part of Pulumi's `Config` that is used. */
export type ConfigReader = {
  readonly get: (key: string) => string | undefined
  readonly getObject: (key: string) => unknown
}

const TEXTS = [
  'namespace',
  'operatorImage',
  'trainerImage',
  'imagePullPolicy',
  'logLevel',
  'hubEndpoint',
  'httpsProxy',
  'noProxy',
] as const satisfies readonly (keyof AttuneOperatorArguments)[]

const VALUES = [
  'imagePullSecrets',
  'replicas',
  'resources',
  'namespaces',
  'clusterReads',
  'networkPolicies',
  'enforceTuningPolicies',
  'verifyBaseModels',
  'tenantRoles',
  'podMonitor',
  'nodeSelector',
  'tolerations',
  'podAnnotations',
] as const satisfies readonly (keyof AttuneOperatorArguments)[]

/** Pulumi fills in the defaults of `Pulumi.yaml`, and checks only the types that it names. */
export const settingsFromConfig = (config: ConfigReader): AttuneOperatorArguments =>
  Object.fromEntries(
    [
      ...TEXTS.map(key => [key, config.get(key)] as const),
      ...VALUES.map(key => [key, config.getObject(key)] as const),
    ].filter(([, value]) => value !== undefined),
  )
