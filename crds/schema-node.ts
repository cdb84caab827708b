/** The part of JSON Schema that the definitions use, as plain data to walk. */
import type { CelRule } from './schema.ts'

export type SchemaNode = {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly maxProperties?: number
  readonly format?: string
  readonly items?: SchemaNode
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly additionalProperties?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  /** of an object: exactly one of these sets of fields */
  readonly oneOf?: readonly { readonly required: readonly string[] }[]
  /** anything; CEL cannot look at it */
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
  readonly 'x-kubernetes-int-or-string'?: boolean
  readonly 'x-kubernetes-validations'?: readonly CelRule[]
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set'
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
}

/** TypeBox keeps its own marks in non-enumerable properties; JSON leaves them behind. */
export const schemaNode = (schema: object): SchemaNode =>
  JSON.parse(JSON.stringify(schema)) as SchemaNode

/** Keys and list positions from the root, e.g. `['spec', 'dataset', 'sources', 0, 'uri']`. */
export type FieldPath = readonly (string | number)[]

/** `spec.dataset.sources[0].uri`, as the API server writes it. */
export const formatPath = (path: FieldPath): string =>
  path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i ? `.${step}` : step)).join('')

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Schema of a named field: a property, or the value schema of a map. */
export const fieldSchema = (node: SchemaNode, key: string): SchemaNode | undefined =>
  (node.properties && Object.hasOwn(node.properties, key) ? node.properties[key] : undefined) ??
  node.additionalProperties
