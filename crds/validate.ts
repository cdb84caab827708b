/** Checks manifests as the API server does with fieldValidation=Strict, without a cluster and with line and column. */

import { API_VERSION, GROUP } from './api-group.ts'
import { BASE_MODEL_KIND } from './base-model.ts'
import type { BaseModelSpec } from './base-model-spec.ts'
import { type Mode, ruleProblems } from './check-rules.ts'
import { compileSchema, schemaProblems } from './check-schema.ts'
import type { KindDefinition } from './custom-resource-definition.ts'
import { fillDefaults } from './defaults.ts'
import { experimentProblems } from './experiment/experiment-problems.ts'
import { trialProblems } from './experiment/trial-problems.ts'
import { type FieldProblem, type ProblemReason, shown } from './field-problem.ts'
import { DATASET_KIND, type ResolvedDatasetObject } from './instruction-dataset.ts'
import { KIND, type ResolvedJob } from './instruction-tuning-job.ts'
import { KINDS } from './kinds.ts'
import { type ManifestDocument, readManifestText } from './manifest-text.ts'
import { METADATA, metadataProblems, subdomainProblems } from './object-metadata.ts'
import type { ResolvedExperimentSpec, ResolvedSpec } from './resolved-spec.ts'
import { type FieldPath, formatPath, isRecord, type SchemaNode } from './schema-node.ts'
import type { CatalogueEntry } from './selection/catalogue.ts'
import { repeatedObjects } from './repeated-objects.ts'
import { modelProblems } from './selection/model-problems.ts'
import { EXPERIMENT_KIND, type ResolvedExperimentObject } from './tuning-experiment.ts'
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
  readonly datasets: readonly ResolvedDatasetObject[]
  readonly experiments: readonly ResolvedExperimentObject[]
  readonly baseModels: readonly CatalogueEntry[]
  /** names of all objects of ours that are valid */
  readonly names: readonly string[]
  readonly errors: readonly ManifestError[]
}

type Checked = {
  readonly schema: SchemaNode
  /** The server drops a status that comes with an object before it validates. */
  readonly writable: SchemaNode
  readonly validate: ReturnType<typeof compileSchema>
}

const checked = ({ schema }: KindDefinition): Checked => {
  const whole: SchemaNode = {
    ...schema,
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: { ...schema.properties, metadata: METADATA },
  }
  const { status: _, ...properties } = whole.properties ?? {}
  const writable = { ...whole, properties }
  return { schema: whole, writable, validate: compileSchema(writable) }
}

/** Compiled where a document first needs it. */
const compiled = new Map<string, Checked>()
const checkedKind = (kind: string): Checked | undefined => {
  const definition = KINDS.find(known => known.kind === kind)
  const found = compiled.get(kind) ?? (definition && checked(definition))
  if (found) compiled.set(kind, found)
  return found
}

const isWithin = (path: FieldPath, outer: FieldPath): boolean =>
  outer.every((step, i) => path[i] === step)

const problemsOf = (
  { schema, writable, validate }: Checked,
  given: Record<string, unknown>,
  filled: Record<string, unknown>,
  mode: Mode,
): readonly FieldProblem[] => {
  const misfits = [...schemaProblems(validate, filled), ...metadataProblems(filled)]
  // a rule is asked only of what fits the schema; the server asks none while anything does not
  const broken = ruleProblems(filled, writable, mode).filter(
    rule => !misfits.some(misfit => isWithin(misfit.path, rule.scope)),
  )
  // a rule on the name asks for more, and says so in its own words
  const isNameTold = broken.some(({ path }) => isWithin(path, ['metadata', 'name']))
  const named = isNameTold ? [] : subdomainProblems(filled)
  return [...unknownFields(given, schema), ...misfits, ...named, ...broken]
}

const located = (problem: FieldProblem, document: ManifestDocument): ManifestError => ({
  path: formatPath(problem.path),
  ...document.locate(problem.path, problem.part),
  message: problem.message,
  reason: problem.reason,
})

const NAMES = KINDS.map(({ kind }) => kind).join(', ')

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
  const wanted = `this version of Attune knows ${API_VERSION} ${NAMES}`
  if (apiVersion === undefined || kind === undefined)
    return wrong([apiVersion === undefined ? 'apiVersion' : 'kind'], `is required; ${wanted}`)
  const isKnown = KINDS.some(known => known.kind === kind)
  const ours = isKnown || (typeof apiVersion === 'string' && apiVersion.startsWith(`${GROUP}/`))
  if (!ours) return undefined
  if (apiVersion !== API_VERSION)
    return wrong(['apiVersion'], `unknown ${shown(apiVersion)}; ${wanted}`)
  return isKnown ? undefined : wrong(['kind'], `unknown ${shown(kind)}; ${wanted}`)
}

type Found = Omit<Validation, 'job'>
const NOTHING: Found = Object.freeze({
  jobs: [],
  datasets: [],
  experiments: [],
  baseModels: [],
  names: [],
  errors: [],
})

/** @param value what ajv has checked against the schema that its type is made from */
const foundIn = (kind: unknown, value: unknown): Found => {
  const { metadata, spec } = value as { metadata: { name: string }; spec: unknown }
  const { name } = metadata
  return {
    ...NOTHING,
    names: [name],
    ...(kind === KIND ? { jobs: [value as ResolvedJob] } : {}),
    ...(kind === DATASET_KIND ? { datasets: [value as ResolvedDatasetObject] } : {}),
    ...(kind === EXPERIMENT_KIND ? { experiments: [value as ResolvedExperimentObject] } : {}),
    ...(kind === BASE_MODEL_KIND ? { baseModels: [{ name, spec: spec as BaseModelSpec }] } : {}),
  }
}

/** What the operator asks of an object once the server has taken it. */
const problemsBeyondSchema = (kind: unknown, value: unknown, mode: Mode) =>
  kind === EXPERIMENT_KIND
    ? experimentProblems((value as { spec: ResolvedExperimentSpec }).spec, mode)
    : []

const checkDocument = (document: ManifestDocument, mode: Mode): Found => {
  const problem = kindProblem(document)
  if (problem) return { ...NOTHING, errors: [located(problem, document)] }
  const { value } = document
  const kind = isRecord(value) ? value['kind'] : undefined
  const schemas =
    isRecord(value) && value['apiVersion'] === API_VERSION ? checkedKind(String(kind)) : undefined
  // objects of other groups stand in the same file, and other programs check them
  if (!schemas || !isRecord(value)) return NOTHING
  const known = withoutUnknownFields(value, schemas.writable)
  const filled = fillDefaults(known, schemas.writable) as Record<string, unknown>
  const misfits = problemsOf(schemas, value, filled, mode)
  const problems = misfits.length ? misfits : problemsBeyondSchema(kind, filled, mode)
  const errors = problems.map(item => located(item, document))
  return errors.length ? { ...NOTHING, errors } : foundIn(kind, filled)
}

const byPlace = (a: ManifestError, b: ManifestError) => a.line - b.line || a.column - b.column

const nothingFound: ManifestError = {
  path: '',
  line: 1,
  column: 1,
  reason: 'UnknownKind',
  message: `holds nothing of ${API_VERSION} (${NAMES})`,
}

/** What jobs and trials take from the catalogue. */
const unresolvedModels = (
  { jobs, experiments }: Found,
  catalogue: readonly CatalogueEntry[],
): readonly FieldProblem[] => [
  ...jobs.flatMap(({ spec }) =>
    modelProblems(spec, catalogue).map(item => ({ ...item, path: ['spec', ...item.path] })),
  ),
  ...experiments.flatMap(({ spec }) =>
    trialProblems(spec, trial => modelProblems(trial as Pick<ResolvedSpec, 'model'>, catalogue)),
  ),
]

type Options = {
  /** `local`: as for `attune run`, where `file://` may be used */
  readonly mode: Mode
  /** beside the BaseModels of the text; absent: what is in the cluster's catalogue is not known */
  readonly catalogue?: readonly CatalogueEntry[]
}

export const validateManifest = (text: string, options: Options): Validation => {
  const read = readManifestText(text)
  const results = read.documents.map(document => ({
    document,
    ...checkDocument(document, options.mode),
  }))
  const baseModels = results.flatMap(result => result.baseModels)
  const { catalogue } = options
  const unresolved = results.flatMap(result =>
    (catalogue ? unresolvedModels(result, [...baseModels, ...catalogue]) : []).map(item =>
      located(item, result.document),
    ),
  )
  const errors = [
    ...read.errors.map(error => ({ path: '', reason: 'YamlSyntax' as const, ...error })),
    ...results.flatMap(result => result.errors),
    ...unresolved,
    ...repeatedObjects(read.documents).map(({ document, problem }) => located(problem, document)),
  ].sort(byPlace)
  const jobs = results.flatMap(result => result.jobs)
  const names = results.flatMap(result => result.names)
  const datasets = results.flatMap(result => result.datasets)
  const experiments = results.flatMap(result => result.experiments)
  const found = { jobs, names, datasets, experiments, baseModels, errors }
  if (!errors.length && !names.length) return { ...found, errors: [nothingFound] }
  const [job] = jobs
  return { ...found, ...(job && !errors.length ? { job } : {}) }
}
