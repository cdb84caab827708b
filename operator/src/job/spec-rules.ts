/** What the schema lets through and a cluster still cannot run; CEL refuses most of it at admission already. */
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'

const CLAIM_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

type Uri = { readonly field: string; readonly uri: string }
type Source = { readonly uri: string; readonly credentialsSecret?: { readonly name: string } }

const sources = (spec: ResolvedSpec): readonly (Source & { readonly field: string })[] => [
  { ...spec.model.source, field: 'spec.model.source' },
  ...spec.dataset.sources.map((source, i) => ({ ...source, field: `spec.dataset.sources[${i}]` })),
  ...(spec.dataset.validation.sources ?? []).map((source, i) => ({
    ...source,
    field: `spec.dataset.validation.sources[${i}]`,
  })),
]

/** The claim of `pvc://claim/path`; undefined for another scheme, empty where the name is none. */
export const claimOf = (uri: string): string | undefined => {
  if (!uri.startsWith('pvc://')) return undefined
  const name = uri.slice('pvc://'.length).split('/', 1)[0] ?? ''
  return CLAIM_NAME.test(name) ? name : ''
}

export const sourceClaims = (spec: ResolvedSpec): readonly string[] => [
  ...new Set(
    sources(spec)
      .map(({ uri }) => claimOf(uri))
      .filter(claim => claim !== undefined),
  ),
]

/** The Secret whose `token` authorizes the downloads of Prepare. */
export const credentialsSecret = (spec: ResolvedSpec): string | undefined =>
  sources(spec).find(source => source.credentialsSecret)?.credentialsSecret?.name

const uriProblem = ({ field, uri }: Uri): string | undefined => {
  if (uri.startsWith('file://'))
    return `${field}.uri: ${uri} is a file of one machine; in a cluster use pvc://, https:// or hf://`
  if (claimOf(uri) === '') return `${field}.uri: ${uri} names no claim; write pvc://<claim>/<path>`
  return undefined
}

/** @returns what is wrong, with the field and the value; undefined where nothing is */
export const specProblem = (spec: ResolvedSpec): string | undefined => {
  const uris: Uri[] = [...sources(spec), { field: 'spec.output', uri: spec.output.uri }]
  for (const uri of uris) {
    const problem = uriProblem(uri)
    if (problem) return problem
  }
  const secret = credentialsSecret(spec)
  const other = sources(spec).find(
    source => source.credentialsSecret && source.credentialsSecret.name !== secret,
  )
  return other
    ? `${other.field}.credentialsSecret: ${other.credentialsSecret?.name} differs from ${secret}; all sources of a job share one Secret`
    : undefined
}
