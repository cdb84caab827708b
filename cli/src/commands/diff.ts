/** `attune diff`: what changed between two published runs, and in their scores. */
import { dirname, join, resolve } from 'node:path'
import { parseSource } from '@attune/trainer/source/parse-uri.ts'
import { Command, Option } from 'commander'
import { CliError } from '../cli-error.ts'
import { compareRuns } from '../published/compare-runs.ts'
import { readPublishedRun } from '../published/read-run.ts'
import { readJob } from '../read-manifest.ts'
import { comparisonText } from '../view/comparison-text.ts'
import { type Mounts, parseMount } from '../workspace/claims.ts'

type Options = {
  readonly file?: string
  readonly mount: Mounts
  readonly output: 'text' | 'json'
}

const EXAMPLES = `
Examples:
  attune diff out/run-3 out/run-4              folders of published runs
  attune diff -f job.yaml 3 4                  runs of a job, in the folder that spec.output names
  attune diff -f job.yaml 3 4 --mount models=./models
  attune diff out/run-3 out/run-4 -o json      for programs`

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

const foldersOf = async (
  runs: readonly string[],
  { file, mount }: Options,
): Promise<readonly string[]> => {
  if (file === undefined) return runs
  const output = await outputOf(file, mount)
  return runs.map(run => {
    const number = RUN.exec(run)?.[1]
    if (number === undefined)
      throw new CliError(`${run}: with --file write the number of a run, such as 3`)
    return join(output, `run-${number}`)
  })
}

const diff = async (before: string, after: string, options: Options) => {
  const [older = before, newer = after] = await foldersOf([before, after], options)
  const comparison = compareRuns(await readPublishedRun(older), await readPublishedRun(newer))
  process.stdout.write(
    options.output === 'json'
      ? `${JSON.stringify(comparison, null, 2)}\n`
      : `${comparisonText(comparison)}\n`,
  )
}

export const diffCommand = (): Command =>
  new Command('diff')
    .description('explain what changed between two published runs, and in their scores')
    .argument('<before>', 'folder of a run; with --file its number')
    .argument('<after>', 'folder of a run; with --file its number')
    .option('-f, --file <file>', 'manifest with the InstructionTuningJob that made the runs')
    .option('--mount <claim=dir>', 'folder for pvc://claim/…; may be repeated', parseMount, {})
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'),
    )
    .addHelpText('after', EXAMPLES)
    .action(diff)
