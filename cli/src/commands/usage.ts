/** `attune usage`: who used what, from the objects of a cluster or from Prometheus. */
import { Command, Option } from 'commander'
import { CliError } from '../cli-error.ts'
import { parsePrometheusUrl, prometheusAt } from '../usage/prometheus-client.ts'
import type { ClusterOptions } from '../cluster.ts'
import { readJobs } from '../usage/read-jobs.ts'
import { parseSince } from '../usage/since.ts'
import { totalOf, type Usage } from '../usage/usage.ts'
import { usageFromPrometheus } from '../usage/usage-from-prometheus.ts'
import { usageOfJobs } from '../usage/usage-of-jobs.ts'
import { usageText } from '../view/usage-text.ts'

type Options = ClusterOptions & {
  readonly prometheus?: string
  readonly since?: string
  readonly output: 'text' | 'json'
  readonly json?: boolean
}

type Found = {
  readonly source: Readonly<Record<string, string | number>>
  /** of what the figures are */
  readonly note: string
  readonly usages: readonly Usage[]
}

const DEFAULT_SINCE = '7d'

const EXAMPLES = `
Examples:
  attune usage                                       jobs of the current namespace
  attune usage -A                                    of every namespace
  attune usage -n team-a --json                      for programs
  attune usage --prometheus http://localhost:9090 --since 30d

The cluster's objects know of the jobs that are there now, over their whole life. Prometheus knows of a
stretch of time, deleted jobs included; it must scrape the operator with honor_labels (as the chart's
PodMonitor does). There, \`jobs\` are the most at one time and \`runs\` those that ended.

Accelerator seconds are the running time of a job's pods times their devices.`

/** RFC 1123 label, as namespaces are. */
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

const fromPrometheus = async (address: string, options: Options): Promise<Found> => {
  const url = parsePrometheusUrl(address)
  const since = options.since ?? DEFAULT_SINCE
  const { namespace } = options
  const period = { seconds: parseSince(since), ...(namespace ? { namespace } : {}) }
  const usages = await usageFromPrometheus(prometheusAt(url), period)
  if (!usages)
    throw new CliError(
      `${url} knows nothing of ${namespace ? `namespace ${namespace}` : 'Attune'} in the last ${since}: does it scrape the operator (docs/metrics.md)?`,
    )
  return {
    source: { prometheus: url, sinceSeconds: period.seconds },
    note: `the last ${since}, from Prometheus: jobs at most at one time, runs that ended`,
    usages,
  }
}

const fromObjects = async (options: Options): Promise<Found> => {
  if (options.since !== undefined)
    throw new CliError(
      '--since needs --prometheus: the objects of a cluster do not say when they used what',
    )
  const { server, namespace, jobs } = await readJobs(options)
  const where = namespace === undefined ? 'all namespaces' : `namespace ${namespace}`
  return {
    source: { server, ...(namespace ? { namespace } : {}) },
    note: `jobs that are there now in ${where}, over their whole life`,
    usages: usageOfJobs(jobs),
  }
}

const sumOf = (acceleratorSeconds: Usage['acceleratorSeconds']) =>
  Object.values(acceleratorSeconds).reduce((sum, seconds) => sum + seconds, 0)

const asJson = ({ source, usages }: Found): string => {
  const figures = ({ acceleratorSeconds, ...rest }: Omit<Usage, 'namespace'>) => ({
    ...rest,
    acceleratorSeconds: sumOf(acceleratorSeconds),
    acceleratorSecondsByResource: acceleratorSeconds,
  })
  const namespaces = usages.map(({ namespace, ...rest }) => ({ namespace, ...figures(rest) }))
  return `${JSON.stringify({ source, namespaces, total: figures(totalOf(usages)) }, null, 2)}\n`
}

const asText = ({ note, usages }: Found): string =>
  usages.length === 0 ? `nothing used (${note})\n` : `${usageText(usages)}\n\n${note}\n`

const usage = async (options: Options) => {
  const { namespace, prometheus } = options
  if (namespace !== undefined && !NAMESPACE.test(namespace))
    throw new CliError(`-n: ${JSON.stringify(namespace)} is no name of a namespace`)
  if (namespace !== undefined && options.allNamespaces)
    throw new CliError('-n and --all-namespaces exclude each other')
  const found = prometheus ? await fromPrometheus(prometheus, options) : await fromObjects(options)
  const json = options.json || options.output === 'json'
  process.stdout.write(json ? asJson(found) : asText(found))
}

export const usageCommand = (): Command =>
  new Command('usage')
    .description('print who used what: jobs, runs and accelerator time by namespace')
    .option('-n, --namespace <name>', "of this namespace (default: the kubeconfig's)")
    .option('-A, --all-namespaces', 'of every namespace (the default with --prometheus)')
    .option('--kubeconfig <file>', 'default: $KUBECONFIG, ~/.kube/config, the pod')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--prometheus <url>', "ask Prometheus in place of the cluster's objects")
    .option('--since <time>', `how far back, with --prometheus (default: ${DEFAULT_SINCE})`)
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'),
    )
    .option('--json', 'the same as -o json')
    .addHelpText('after', EXAMPLES)
    .action(usage)
