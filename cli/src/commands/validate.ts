/** `attune validate`: the API server's verdict without a cluster. */
import { type ManifestError, validateManifest } from '@attune/crds/validate.ts'
import { Command, Option } from 'commander'
import { readCatalogue } from '../catalogue.ts'
import { CliError } from '../cli-error.ts'
import { localFileErrors } from '../local-files.ts'
import { readManifestText } from '../manifest-text.ts'
import { catalogueHint } from '../read-manifest.ts'
import { formatManifestErrors } from '../view/manifest-errors.ts'

type Options = {
  readonly local?: boolean
  readonly catalogue?: string
  readonly output: 'text' | 'json'
}
type Checked = {
  readonly file: string
  readonly text: string
  readonly jobs: readonly string[]
  /** of all objects of ours in it */
  readonly names: readonly string[]
  readonly errors: readonly ManifestError[]
}

const EXAMPLES = `
Examples:
  attune validate job.yaml                  as a cluster sees it
  attune validate --local job.yaml          as \`attune run\` sees it: file:// may be used, and is looked for
  attune validate -o json jobs/*.yaml       for programs
  kustomize build . | attune validate -     standard input

Exit code: 0 if every file is valid, 1 otherwise.`

const check = async (
  file: string,
  options: Parameters<typeof validateManifest>[1],
): Promise<Checked> => {
  try {
    const text = await readManifestText(file)
    const { jobs, names, errors: own } = validateManifest(text, options)
    // whether files are there is asked only of what could be run
    const isAsked = options.mode === 'local' && own.length === 0
    const errors = isAsked ? await localFileErrors(text, file) : own
    const valid = errors.length === 0 ? jobs : []
    return { file, text, jobs: valid.map(job => job.metadata.name), names, errors }
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    const message = error.message.replace(`${file}: `, '')
    const unreadable = {
      path: '',
      line: 0,
      column: 0,
      message,
      reason: 'FieldValueInvalid',
    } as const
    return { file, text: '', jobs: [], names: [], errors: [unreadable] }
  }
}

/** The words of the rule that `--local` leaves out. */
const CLUSTER_ONLY = 'works only with `attune run`'

const hint = (errors: readonly ManifestError[]): string =>
  errors.some(({ message }) => message.includes(CLUSTER_ONLY))
    ? 'for `attune run`, check with --local\n'
    : catalogueHint(errors)

const asText = ({ file, text, names, errors }: Checked): string =>
  errors.length
    ? `${formatManifestErrors(file, text, errors)}${hint(errors)}`
    : `${file}: valid (${names.join(', ')})\n`

const asJson = (checked: readonly Checked[]): string =>
  `${JSON.stringify({ files: checked.map(({ text: _, ...rest }) => rest) }, null, 2)}\n`

/** A cluster has a catalogue of its own, which only its API server knows. */
const validate = async (
  files: readonly string[],
  { local = false, catalogue: folder, output }: Options,
) => {
  const models = folder ? await readCatalogue(folder) : local ? [] : undefined
  const options = {
    mode: local ? ('local' as const) : ('cluster' as const),
    ...(models ? { catalogue: models } : {}),
  }
  const checked: Checked[] = []
  for (const file of files) checked.push(await check(file, options))
  process.stdout.write(output === 'json' ? asJson(checked) : checked.map(asText).join(''))
  if (checked.some(({ errors }) => errors.length)) process.exitCode = 1
}

export const validateCommand = (): Command =>
  new Command('validate')
    .description('check manifests as the API server would, with line and column')
    .argument('<file...>', 'manifests; - is standard input')
    .option('--local', 'check for `attune run`: file:// may be used, and must be there')
    .option('--catalogue <dir>', 'folder of BaseModels: check what spec.model takes from them')
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'),
    )
    .addHelpText('after', EXAMPLES)
    .action(validate)
