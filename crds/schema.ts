/** Small vocabulary over TypeBox: JSON Schema that is also a structural OpenAPI v3 schema of a CRD. */
import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox'
import { QUANTITY } from './patterns.ts'

/** A CEL rule, as Kubernetes has it in `x-kubernetes-validations`. */
export type CelRule = {
  readonly rule: string
  readonly message?: string
  readonly messageExpression?: string
  readonly fieldPath?: string
  readonly reason?: string
  /** ours, left out of the CRD: the rule holds in a cluster and not for `attune run` */
  readonly clusterOnly?: boolean
}

/** Options that the Kubernetes API server understands beside those of JSON Schema. */
export type KubernetesOptions = {
  readonly description?: string
  readonly default?: unknown
  readonly 'x-kubernetes-validations'?: readonly CelRule[]
  readonly oneOf?: readonly { readonly required: readonly string[] }[]
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set'
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
}

/** Closed set of strings; unlike TypeBox's union it becomes `enum`, which structural schemas need. */
export const oneOf = <const T extends readonly string[]>(
  values: T,
  options: KubernetesOptions = {},
) => Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...options })

export const object = <T extends TProperties>(properties: T, options: KubernetesOptions = {}) =>
  Type.Object(properties, options)

/** An object whose absence means all of its fields' defaults. */
export const defaulted = <T extends TProperties>(properties: T, options: KubernetesOptions = {}) =>
  Type.Optional(Type.Object(properties, { default: {}, ...options }))

export const optional = <T extends TSchema>(schema: T) => Type.Optional(schema)

export const stringMap = (description: string) =>
  Type.Optional(
    Type.Unsafe<Record<string, string>>({
      type: 'object',
      additionalProperties: { type: 'string' },
      maxProperties: 64,
      description,
    }),
  )

/** A Kubernetes quantity, e.g. `8Gi` or `500m`; numbers are allowed because YAML readers write `cpu: 2`. */
export const quantity = (description: string, options: KubernetesOptions = {}) =>
  Type.Unsafe<string | number>({
    'x-kubernetes-int-or-string': true,
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    pattern: QUANTITY,
    description,
    ...options,
  })

export { type Static, type TObject, Type }
