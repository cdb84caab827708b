/** The operator's configuration: flags, and for each an environment variable `ATTUNE_<FLAG>`. */
import { parseArgs } from 'node:util'
import { TRAINER_PORT } from '@attune/crds/stage.ts'
import { hubEndpointProblem, NO_PROXY_HOSTS } from './hub-endpoint.ts'
import type { JobConfig } from './job/job-config.ts'
import { LOG_LEVELS, type LogLevel } from './log.ts'

export type Config = JobConfig & {
  /** none: every namespace */
  readonly namespaces: readonly string[]
  /** whether jobs that a TuningPolicy does not allow are held; takes rights in the whole cluster */
  readonly checkPolicies: boolean
  /** whether the status of TuningPolicies is written; with `checkPolicies` only */
  readonly reportPolicies: boolean
  readonly readCatalogue: boolean
  /** whether the hub is asked for the entries of the catalogue; with `readCatalogue` only */
  readonly verifyCatalogue: boolean
  readonly kubeconfig?: string
  readonly leaderElect: boolean
  /** absent: the operator's own */
  readonly leaderNamespace?: string
  readonly metricsPort: number
  readonly healthPort: number
  readonly pollIntervalMs: number
  readonly resyncMs: number
  readonly discoveryMs: number
  readonly workers: number
  readonly logLevel: LogLevel
}

/** A flag or a variable has a value that it cannot have. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

type Flag = { readonly value?: string; readonly fallback?: string; readonly help: string }

const FLAGS = {
  'trainer-image': { value: 'IMAGE', help: 'image of the stages (required)' },
  'trainer-image-pull-policy': {
    value: 'POLICY',
    fallback: 'IfNotPresent',
    help: 'Always, IfNotPresent or Never',
  },
  'trainer-port': {
    value: 'PORT',
    fallback: String(TRAINER_PORT),
    help: 'port of /metrics and /progress in trainer pods',
  },
  'hub-endpoint': { value: 'URL', help: 'hub that Prepare takes hf:// sources from' },
  'https-proxy': {
    value: 'URL',
    help: 'HTTP proxy that sources are fetched through, and the hub is asked through',
  },
  'no-proxy': { value: 'HOSTS', help: 'hosts that are asked without it, with commas between them' },
  namespaces: { value: 'NAMES', help: 'watch these namespaces only, with commas between them' },
  'check-policies': {
    help: 'hold jobs that a TuningPolicy does not allow; takes the right to list policies and namespaces',
  },
  'report-policies': {
    help: 'write into TuningPolicies what they hold back, with --check-policies; takes the right to write their status',
  },
  'read-catalogue': {
    help: 'take models from BaseModels; takes the right to list them',
  },
  'verify-catalogue': {
    help: 'ask the hub what BaseModels are, with --read-catalogue; takes the right to write their status',
  },
  'network-policy-from': {
    value: 'NAMES',
    help: 'make NetworkPolicies for the pods of jobs, that let in these namespaces only',
  },
  kubeconfig: { value: 'FILE', help: 'default: $KUBECONFIG, ~/.kube/config, the pod' },
  'leader-elect': { help: 'act only while holding the lease' },
  'leader-namespace': { value: 'NAME', help: "namespace of the lease; default: the operator's" },
  'metrics-port': { value: 'PORT', fallback: '8080', help: 'port of /metrics' },
  'health-port': { value: 'PORT', fallback: '8081', help: 'port of /healthz and /readyz' },
  'poll-interval': {
    value: 'SECONDS',
    fallback: '5',
    help: 'time between two looks at the progress of a pod, and between two writes of it',
  },
  'resync-interval': {
    value: 'SECONDS',
    fallback: '600',
    help: 'time after which every job is looked at again',
  },
  'discovery-interval': {
    value: 'SECONDS',
    fallback: '30',
    help: 'time between two looks whether Kueue is installed',
  },
  workers: { value: 'N', fallback: '4', help: 'jobs reconciled at once' },
  'log-level': { value: 'LEVEL', fallback: 'info', help: LOG_LEVELS.join(', ') },
  help: { help: 'print this text' },
} as const satisfies Record<string, Flag>
type FlagName = keyof typeof FLAGS

const variable = (name: string) => `ATTUNE_${name.replaceAll('-', '_').toUpperCase()}`

export const usage = (): string => {
  const lines = Object.entries<Flag>(FLAGS).map(([name, { value, fallback, help }]) => {
    const flag = `  --${name}${value ? ` ${value}` : ''}`
    return `${flag.padEnd(38)}${help}${fallback ? ` [${fallback}]` : ''}`
  })
  return `Usage: main.ts --trainer-image IMAGE [flags]\n\n${lines.join('\n')}\n\nEach flag is also a variable: --log-level is ${variable('log-level')}.\n`
}

const flagsOf = (args: readonly string[]): Readonly<Record<string, string | boolean>> => {
  const options = Object.fromEntries(
    Object.entries<Flag>(FLAGS).map(([name, { value }]) => [
      name,
      { type: value ? ('string' as const) : ('boolean' as const) },
    ]),
  )
  try {
    return parseArgs({ args: [...args], options, strict: true }).values as Record<
      string,
      string | boolean
    >
  } catch (error) {
    throw new ConfigError((error as Error).message, { cause: error })
  }
}

const number = (name: string, text: string, min: number, max: number): number => {
  const value = Number(text)
  if (text.trim() !== '' && value >= min && value <= max) return value
  throw new ConfigError(`--${name}: ${JSON.stringify(text)} is no number within ${min}…${max}`)
}

const integer = (name: string, text: string, min: number, max: number): number => {
  const value = number(name, text, min, max)
  if (Number.isInteger(value)) return value
  throw new ConfigError(`--${name}: ${text} is no whole number`)
}

const oneOf = <const T extends readonly string[]>(name: string, text: string, known: T) => {
  const found: T[number] | undefined = known.find(value => value === text)
  if (found !== undefined) return found
  throw new ConfigError(`--${name}: ${JSON.stringify(text)} is none of ${known.join(', ')}`)
}

const urlOf = (name: string, text: string): string => {
  const problem = hubEndpointProblem(text)
  if (problem === undefined) return text
  throw new ConfigError(`--${name}: ${problem}`)
}

const NO_PROXY = new RegExp(`^${NO_PROXY_HOSTS}$`)

const proxyOf = (url: string | undefined, noProxy: string | undefined): Pick<Config, 'proxy'> => {
  if (noProxy !== undefined && !NO_PROXY.test(noProxy))
    throw new ConfigError(`--no-proxy: ${JSON.stringify(noProxy)} is no list of hosts`)
  if (url === undefined) return {}
  return { proxy: { url: urlOf('https-proxy', url), ...(noProxy ? { noProxy } : {}) } }
}

const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const NAMESPACES_MAX = 100

const names = (name: string, text: string): readonly string[] => {
  const all = [...new Set(text.split(',').filter(item => item !== ''))]
  const wrong = all.find(item => !NAMESPACE.test(item))
  if (wrong !== undefined)
    throw new ConfigError(`--${name}: ${JSON.stringify(wrong)} is no name of a namespace`)
  // each has a connection for every kind
  if (all.length <= NAMESPACES_MAX) return all
  throw new ConfigError(`--${name}: ${all.length} namespaces; at most ${NAMESPACES_MAX}`)
}

const PORT_MAX = 65_535

/** @returns undefined where the help is asked for; throws `ConfigError` */
export const readConfig = (
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Config | undefined => {
  const flags = flagsOf(args)
  if (flags['help']) return undefined
  const optional = (name: FlagName): string | undefined => {
    const value = flags[name] ?? environment[variable(name)]
    return value === undefined || value === '' ? undefined : String(value)
  }
  const text = (name: FlagName): string => {
    const { fallback }: Flag = FLAGS[name]
    const value = optional(name) ?? fallback
    if (value === undefined) throw new ConfigError(`--${name} is missing`)
    return value
  }
  const port = (name: FlagName, min: number) => integer(name, text(name), min, PORT_MAX)
  const milliseconds = (name: FlagName, min: number) => number(name, text(name), min, 86_400) * 1000
  const hubEndpoint = optional('hub-endpoint')
  const networkPolicyFrom = optional('network-policy-from')
  const kubeconfig = optional('kubeconfig')
  const leaderNamespace = optional('leader-namespace')
  return Object.freeze({
    trainerImage: text('trainer-image'),
    trainerImagePullPolicy: oneOf('trainer-image-pull-policy', text('trainer-image-pull-policy'), [
      'Always',
      'IfNotPresent',
      'Never',
    ]),
    trainerPort: port('trainer-port', 1),
    ...(hubEndpoint ? { hubEndpoint: urlOf('hub-endpoint', hubEndpoint) } : {}),
    ...proxyOf(optional('https-proxy'), optional('no-proxy')),
    ...(networkPolicyFrom
      ? { networkPolicyFrom: names('network-policy-from', networkPolicyFrom) }
      : {}),
    namespaces: names('namespaces', optional('namespaces') ?? ''),
    checkPolicies: optional('check-policies') === 'true',
    reportPolicies: optional('report-policies') === 'true',
    readCatalogue: optional('read-catalogue') === 'true',
    verifyCatalogue: optional('verify-catalogue') === 'true',
    ...(kubeconfig ? { kubeconfig } : {}),
    leaderElect: optional('leader-elect') === 'true',
    ...(leaderNamespace ? { leaderNamespace } : {}),
    metricsPort: port('metrics-port', 0),
    healthPort: port('health-port', 0),
    pollIntervalMs: milliseconds('poll-interval', 0.1),
    resyncMs: milliseconds('resync-interval', 1),
    discoveryMs: milliseconds('discovery-interval', 0.1),
    workers: integer('workers', text('workers'), 1, 64),
    logLevel: oneOf('log-level', text('log-level'), LOG_LEVELS),
  })
}
