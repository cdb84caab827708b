/** Checks manifests as the API server does with fieldValidation=Strict, without a cluster and with line and column. */
import { type Mode, ruleProblems } from './check-rules.ts'
import { compileSchema, schemaProblems } from './check-schema.ts'
import { fillDefaults } from './defaults.ts'
import { type FieldProblem, type ProblemReason, shown } from './field-problem.ts'
import {
  API_VERSION,
  GROUP,
  INSTRUCTION_TUNING_JOB,
  KIND,
  type ResolvedJob,
} from './instruction-tuning-job.ts'
import { type ManifestDocument, readManifestText } from './manifest-text.ts'
import { METADATA, metadataProblems } from './object-metadata.ts'
import { type FieldPath, formatPath, isRecord, type SchemaNode } from './schema-node.ts'
import { unknownFields, withoutUnknownFields } from './unknown-fields.ts'

export type { Mode } from './check-rules.ts'

export type ManifestError = {
  /** `spec.dataset.sources[0].uri`; empty for the document as a whole */
  readonly path: string
  readonly line: number
  readonly column: number
  readonly message: string
  readonly reason: ProblemReason
}

export type Validation = {
  /** the first job, if nothing in the text is wrong */
  readonly job?: ResolvedJob
  readonly jobs: readonly ResolvedJob[]
  readonly errors: readonly ManifestError[]
}

const { schema } = INSTRUCTION_TUNING_JOB
const SCHEMA: SchemaNode = {
  ...schema,
  required: ['apiVersion', 'kind', 'metadata', 'spec'],
  properties: { ...schema.properties, metadata: METADATA },
}
const { status: _, ...WRITABLE } = SCHEMA.properties ?? {}
/** The server drops a status that comes with an object before it validates. */
const WITHOUT_STATUS: SchemaNode = { ...SCHEMA, properties: WRITABLE }
const validateSchema = compileSchema(WITHOUT_STATUS)

const isWithin = (path: FieldPath, outer: FieldPath): boolean =>
  outer.every((step, i) => path[i] === step)

const problemsOf = (
  given: Record<string, unknown>,
  filled: Record<string, unknown>,
  mode: Mode,
): readonly FieldProblem[] => {
  const misfits = [...schemaProblems(validateSchema, filled), ...metadataProblems(filled)]
  // a rule is asked only of what fits the schema; the server asks none while anything does not
  const broken = ruleProblems(filled, WITHOUT_STATUS, mode).filter(
    rule => !misfits.some(misfit => isWithin(misfit.path, rule.scope)),
  )
  return [...unknownFields(given, SCHEMA), ...misfits, ...broken]
}

const located = (problem: FieldProblem, document: ManifestDocument): ManifestError => ({
  path: formatPath(problem.path),
  ...document.locate(problem.path, problem.part),
  message: problem.message,
  reason: problem.reason,
})

const kindProblem = (document: ManifestDocument): FieldProblem | undefined => {
  const { value } = document
  const wrong = (path: string[], message: string): FieldProblem => ({
    path,
    part: 'value',
    reason: 'UnknownKind',
    message,
  })
  if (!isRecord(value)) return wrong([], `not a Kubernetes object: ${shown(value)}`)
  const { apiVersion, kind } = value
  const wanted = `this version of Attune knows ${API_VERSION} ${KIND}`
  if (apiVersion === undefined || kind === undefined)
    return wrong([apiVersion === undefined ? 'apiVersion' : 'kind'], `is required; ${wanted}`)
  const ours =
    kind === KIND || (typeof apiVersion === 'string' && apiVersion.startsWith(`${GROUP}/`))
  if (!ours) return undefined
  if (apiVersion !== API_VERSION)
    return wrong(['apiVersion'], `unknown ${shown(apiVersion)}; ${wanted}`)
  return kind === KIND ? undefined : wrong(['kind'], `unknown ${shown(kind)}; ${wanted}`)
}

const isJob = (value: unknown): value is Record<string, unknown> =>
  isRecord(value) && value['kind'] === KIND && value['apiVersion'] === API_VERSION

const checkDocument = (document: ManifestDocument, mode: Mode): Validation => {
  const problem = kindProblem(document)
  if (problem) return { jobs: [], errors: [located(problem, document)] }
  // objects of other groups stand in the same file, and other programs check them
  if (!isJob(document.value)) return { jobs: [], errors: [] }
  const known = withoutUnknownFields(document.value, WITHOUT_STATUS)
  const filled = fillDefaults(known, WITHOUT_STATUS) as Record<string, unknown>
  const errors = problemsOf(document.value, filled, mode).map(item => located(item, document))
  // ajv has checked it against the schema that the type is made from
  return { jobs: errors.length ? [] : [filled as unknown as ResolvedJob], errors }
}

const byPlace = (a: ManifestError, b: ManifestError) => a.line - b.line || a.column - b.column

const nothingFound: ManifestError = {
  path: '',
  line: 1,
  column: 1,
  reason: 'UnknownKind',
  message: `holds no ${API_VERSION} ${KIND}`,
}

/** @param options `local`: as for `attune run`, where `file://` may be used */
export const validateManifest = (text: string, options: { readonly mode: Mode }): Validation => {
  const read = readManifestText(text)
  const checked = read.documents.map(document => checkDocument(document, options.mode))
  const errors = [
    ...read.errors.map(error => ({ path: '', reason: 'YamlSyntax' as const, ...error })),
    ...checked.flatMap(result => result.errors),
  ].sort(byPlace)
  const jobs = checked.flatMap(result => result.jobs)
  if (!errors.length && !jobs.length) return { jobs, errors: [nothingFound] }
  const [job] = jobs
  return { ...(job && !errors.length ? { job } : {}), jobs, errors }
}
