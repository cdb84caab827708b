/** `attune diff`: what changed between two runs, and in their scores. */
import { dirname, join, resolve } from 'node:path'
import { parseSource } from '@attune/trainer/source/parse-uri.ts'
import { Command, Option } from 'commander'
import { CliError } from '../cli-error.ts'
import { compareRuns } from '../published/compare-runs.ts'
import { readClusterRuns } from '../published/read-cluster-runs.ts'
import { readPublishedRun } from '../published/read-run.ts'
import { readJob } from '../read-manifest.ts'
import type { ClusterOptions } from '../cluster.ts'
import { comparisonText } from '../view/comparison-text.ts'
import { type Mounts, mountOption } from '../workspace/claims.ts'

type Options = Omit<ClusterOptions, 'allNamespaces'> & {
  readonly file?: string
  readonly mount: Mounts
  readonly output: 'text' | 'json'
}

const EXAMPLES = `
Examples:
  attune diff out/run-3 out/run-4              folders of published runs
  attune diff -f job.yaml 3 4                  runs of a job, in the folder that spec.output names
  attune diff -f job.yaml 3 4 --mount models=./models
  attune diff out/run-3 out/run-4 -o json      for programs
  attune diff home run-3 run-4 -n team-a       runs of a job in a cluster, by its status

In a cluster, runs that failed their gates and those that took over an earlier run's artifacts can be
compared, too; what the status does not keep, slices and versions of programs, is left out.`

const RUN = /^(?:run-)?([1-9][0-9]{0,8})$/

/** Folder of this machine that holds the runs of a manifest's job. */
const outputOf = async (manifest: string, mounts: Mounts): Promise<string> => {
  const job = await readJob(manifest)
  const { uri } = job.spec.output
  const output = parseSource(uri)
  if (output.kind === 'file') return resolve(dirname(resolve(manifest)), output.path)
  if (output.kind !== 'pvc')
    throw new CliError(`spec.output.uri: ${uri} is no folder of this machine; name the run folders`)
  const folder = Object.hasOwn(mounts, output.claim) ? mounts[output.claim] : undefined
  if (folder === undefined)
    throw new CliError(
      `spec.output.uri: pvc://${output.claim} is a volume claim of a cluster; say which folder stands for it: --mount ${output.claim}=DIR`,
    )
  return join(folder, output.path)
}

const numberOf = (run: string, where: string): number => {
  const number = RUN.exec(run)?.[1]
  if (number === undefined)
    throw new CliError(`${run}: ${where} write the number of a run, such as 3`)
  return Number(number)
}

const foldersOf = async (
  runs: readonly string[],
  { file, mount }: Options,
): Promise<readonly string[]> => {
  if (file === undefined) return runs
  const output = await outputOf(file, mount)
  return runs.map(run => join(output, `run-${numberOf(run, 'with --file')}`))
}

const publishedRuns = async (runs: readonly [string, string], options: Options) => {
  const { namespace, kubeconfig, context } = options
  if (namespace !== undefined || kubeconfig !== undefined || context !== undefined)
    throw new CliError(
      '-n, --kubeconfig and --context are for runs of a job in a cluster: attune diff JOB run-3 run-4',
    )
  const [before = runs[0], after = runs[1]] = await foldersOf(runs, options)
  return [await readPublishedRun(before), await readPublishedRun(after)] as const
}

const clusterRuns = (name: string, before: string, after: string, options: Options) => {
  if (options.file !== undefined)
    throw new CliError('--file and the name of a job in a cluster exclude each other')
  const where = 'after the name of a job'
  const runs = { name, before: numberOf(before, where), after: numberOf(after, where) }
  return readClusterRuns(runs, options)
}

const diff = async (first: string, second: string, third: string | undefined, options: Options) => {
  const [older, newer] =
    third === undefined
      ? await publishedRuns([first, second], options)
      : await clusterRuns(first, second, third, options)
  const comparison = compareRuns(older, newer)
  process.stdout.write(
    options.output === 'json'
      ? `${JSON.stringify(comparison, null, 2)}\n`
      : `${comparisonText(comparison)}\n`,
  )
}

export const diffCommand = (): Command =>
  new Command('diff')
    .description('explain what changed between two runs, and in their scores')
    .usage('[options] <before> <after> | <job> <before> <after>')
    .argument('<before>', 'folder of a run; with --file, or after the name of a job, its number')
    .argument('<after>', 'the other run')
    .argument('[run]', 'with three, the first is the name of a job in a cluster')
    .option('-n, --namespace <name>', "of the job in a cluster (default: the kubeconfig's)")
    .option('--kubeconfig <file>', 'default: $KUBECONFIG, ~/.kube/config, the pod')
    .option('--context <name>', 'context of the kubeconfig')
    .option('-f, --file <file>', 'manifest with the InstructionTuningJob that made the runs')
    .addOption(mountOption())
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'),
    )
    .addHelpText('after', EXAMPLES)
    .action(diff)
