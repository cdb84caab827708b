/** `attune validate`: the API server's verdict without a cluster. */
import { type ManifestError, validateManifest } from '@attune/crds/validate.ts'
import { Command, Option } from 'commander'
import { CliError } from '../cli-error.ts'
import { readManifestText } from '../read-manifest.ts'
import { formatManifestErrors } from '../view/manifest-errors.ts'

type Options = { readonly local?: boolean; readonly output: 'text' | 'json' }
type Checked = {
  readonly file: string
  readonly text: string
  readonly jobs: readonly string[]
  readonly errors: readonly ManifestError[]
}

const EXAMPLES = `
Examples:
  attune validate job.yaml                  as a cluster sees it
  attune validate --local job.yaml          as \`attune run\` sees it: file:// may be used
  attune validate -o json jobs/*.yaml       for programs
  kustomize build . | attune validate -     standard input

Exit code: 0 if every file is valid, 1 otherwise.`

const check = async (file: string, local: boolean): Promise<Checked> => {
  try {
    const text = await readManifestText(file)
    const { jobs, errors } = validateManifest(text, { mode: local ? 'local' : 'cluster' })
    return { file, text, jobs: jobs.map(job => job.metadata.name), errors }
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    const message = error.message.replace(`${file}: `, '')
    const unreadable = {
      path: '',
      line: 1,
      column: 1,
      message,
      reason: 'FieldValueInvalid',
    } as const
    return { file, text: '', jobs: [], errors: [unreadable] }
  }
}

/** The words of the rule that `--local` leaves out. */
const CLUSTER_ONLY = 'works only with `attune run`'

const hint = (errors: readonly ManifestError[]): string =>
  errors.some(({ message }) => message.includes(CLUSTER_ONLY))
    ? 'for `attune run`, check with --local\n'
    : ''

const asText = ({ file, text, jobs, errors }: Checked): string =>
  errors.length
    ? `${formatManifestErrors(file, text, errors)}${hint(errors)}`
    : `${file}: valid (${jobs.join(', ')})\n`

const asJson = (checked: readonly Checked[]): string =>
  `${JSON.stringify({ files: checked.map(({ text: _, ...rest }) => rest) }, null, 2)}\n`

const validate = async (files: readonly string[], { local = false, output }: Options) => {
  const checked: Checked[] = []
  for (const file of files) checked.push(await check(file, local))
  process.stdout.write(output === 'json' ? asJson(checked) : checked.map(asText).join(''))
  if (checked.some(({ errors }) => errors.length)) process.exitCode = 1
}

export const validateCommand = (): Command =>
  new Command('validate')
    .description('check manifests as the API server would, with line and column')
    .argument('<file...>', 'manifests; - is standard input')
    .option('--local', 'check for `attune run`, which reads file:// too')
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'),
    )
    .addHelpText('after', EXAMPLES)
    .action(validate)
