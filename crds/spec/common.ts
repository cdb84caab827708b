/** Field shapes that several sections of the spec share. */
import { type CelRule, object, optional, quantity, Type } from '../schema.ts'

const URI_MAX = 2048
/** hf: and https: are read over the network, pvc: from a claim of the namespace, file: only by `attune run`. */
export const MODEL_SCHEMES = ['hf', 'https', 'pvc', 'file'] as const
export const DATASET_SCHEMES = ['hf', 'https', 'pvc', 'file'] as const
export const OUTPUT_SCHEMES = ['pvc', 'file'] as const

/** What a pod can read, in the order in which messages name it. */
const CLUSTER_SCHEMES = ['pvc', 'hf', 'https'] as const
const either = new Intl.ListFormat('en-GB', { type: 'disjunction' })
const inCluster = (schemes: readonly string[]): string =>
  either.format(CLUSTER_SCHEMES.filter(own => schemes.includes(own)).map(own => `${own}://`))

/** A pod sees no file of the machine where the manifest was written. */
const noFileUris = (schemes: readonly string[]): CelRule => ({
  rule: "!self.startsWith('file://')",
  message: `file:// works only with \`attune run\`; use ${inCluster(schemes)}`,
  clusterOnly: true,
})

/** As Kubernetes names a claim; beyond the name it is a path. */
const CLAIM: CelRule = {
  rule: "!self.startsWith('pvc://') || self.matches('^pvc://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(/|$)')",
  message:
    'a volume claim is written pvc://claim/path, its name in small letters, digits, - and . only',
}

/** The trainer decodes each part of the path before it looks. */
const NO_WAY_UP: CelRule = {
  rule: "!(self.startsWith('pvc://') || self.startsWith('hf://')) || !self.matches('/([.]|%2[eE]){2}(/|$)')",
  message: 'leads out of its source; write the path without ".."',
}

export const uri = (
  schemes: readonly string[],
  description: string,
  rules: readonly CelRule[] = [],
) =>
  Type.String({
    minLength: 1,
    maxLength: URI_MAX,
    pattern: `^(${schemes.join('|')})://.+`,
    description,
    'x-kubernetes-validations': [noFileUris(schemes), CLAIM, NO_WAY_UP, ...rules],
  })

export const secretName = Type.String({
  minLength: 1,
  maxLength: 253,
  description: 'Name of the Secret.',
})
export const secretRef = (description: string) =>
  optional(object({ name: secretName }, { description }))

export const hubToken = secretRef(
  'Secret of this namespace whose key `token` is the access token of the hub; one for all sources of a job. `attune run` takes `HF_TOKEN` from the environment instead.',
)

/** A token of the hub is sent nowhere else. */
export const TOKEN_FOR_HUB_ONLY: CelRule = {
  rule: "!has(self.credentialsSecret) || self.uri.startsWith('hf://')",
  message: 'credentialsSecret is for hf:// only',
}

export const fraction = (description: string, value?: number) =>
  Type.Number({
    minimum: 0,
    maximum: 1,
    description,
    ...(value === undefined ? {} : { default: value }),
  })

const moreThanZero = (example: string) => ({
  'x-kubernetes-validations': [
    {
      rule: "type(self) == string ? self.matches('^[+]?[0-9.]*[1-9]') : self > 0",
      message: `must be more than zero, such as ${example}`,
    },
  ],
})

/** Memory that holds something. */
export const someMemory = (description: string, example: string) =>
  optional(quantity(description, moreThanZero(example)))

/** Nothing fits into a volume of no size. */
export const volumeSize = (description: string, size: string) =>
  optional(
    quantity(description, {
      default: size,
      ...moreThanZero('20Gi'),
    }),
  )
