/** What the schema lets through and a cluster still cannot run; CEL refuses most of it at admission already. */
import type { ResolvedDataset, ResolvedSpec } from '@attune/crds/resolved-spec.ts'

const CLAIM_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

type Uri = { readonly field: string; readonly uri: string }
type Source = { readonly uri: string; readonly credentialsSecret?: { readonly name: string } }

type FieldSource = Source & { readonly field: string }

/** @param at field that holds the dataset: `spec.dataset` of a job, `spec` of an InstructionDataset */
export const dataSources = (
  { sources = [], validation }: Pick<ResolvedDataset, 'sources' | 'validation'>,
  at: string,
): readonly FieldSource[] => [
  ...sources.map((source, i) => ({ ...source, field: `${at}.sources[${i}]` })),
  ...(validation.sources ?? []).map((source, i) => ({
    ...source,
    field: `${at}.validation.sources[${i}]`,
  })),
]

/** Where a tenant has to look for a source that is not as it should be. */
const modelField = ({ ref, selector }: ResolvedSpec['model']) =>
  ref
    ? 'spec.model.ref: spec.source'
    : selector
      ? 'spec.model.selector: spec.source'
      : 'spec.model.source'

const sources = ({ model, dataset, method }: ResolvedSpec): readonly FieldSource[] => [
  ...(model.source ? [{ ...model.source, field: modelField(model) }] : []),
  ...(method.lora.startFrom
    ? [{ ...method.lora.startFrom, field: 'spec.method.lora.startFrom' }]
    : []),
  ...dataSources(dataset, 'spec.dataset'),
  ...(dataset.curated ? [{ uri: dataset.curated.uri, field: 'spec.dataset.ref' }] : []),
]

/** The claim of `pvc://claim/path`; undefined for another scheme, empty where the name is none. */
export const claimOf = (uri: string): string | undefined => {
  if (!uri.startsWith('pvc://')) return undefined
  const name = uri.slice('pvc://'.length).split('/', 1)[0] ?? ''
  return CLAIM_NAME.test(name) ? name : ''
}

export const claimsOf = (uris: readonly Pick<Source, 'uri'>[]): readonly string[] => [
  ...new Set(uris.map(({ uri }) => claimOf(uri)).filter(claim => claim !== undefined)),
]
export const sourceClaims = (spec: ResolvedSpec): readonly string[] => claimsOf(sources(spec))

/** The Secret whose `token` authorizes the downloads of Prepare. */
export const secretOf = (all: readonly Source[]): string | undefined =>
  all.find(source => source.credentialsSecret)?.credentialsSecret?.name
export const credentialsSecret = (spec: ResolvedSpec): string | undefined => secretOf(sources(spec))

const uriProblem = ({ field, uri }: Uri): string | undefined => {
  if (uri.startsWith('file://'))
    return `${field}.uri: ${uri} is a file of one machine; in a cluster use pvc://, https:// or hf://`
  if (claimOf(uri) === '') return `${field}.uri: ${uri} names no claim; write pvc://<claim>/<path>`
  return undefined
}

/** @param owner what shares one Secret, in words */
export const sourcesProblem = (all: readonly FieldSource[], owner: string): string | undefined => {
  for (const source of all) {
    const problem = uriProblem(source)
    if (problem) return problem
  }
  const secret = secretOf(all)
  const other = all.find(
    source => source.credentialsSecret && source.credentialsSecret.name !== secret,
  )
  return other
    ? `${other.field}.credentialsSecret: ${other.credentialsSecret?.name} differs from ${secret}; all sources of ${owner} share one Secret`
    : undefined
}

/** @returns what is wrong, with the field and the value; undefined where nothing is */
export const specProblem = (spec: ResolvedSpec): string | undefined =>
  uriProblem({ field: 'spec.output', uri: spec.output.uri }) ??
  sourcesProblem(sources(spec), 'a job')
