/** A kind's definition → its CustomResourceDefinition. */
import type { PrinterColumn } from './printer-column.ts'
import type { SchemaNode } from './schema-node.ts'
import { structuralSchema } from './structural-schema.ts'

export type Vocabulary = {
  /** absent for a kind without them */
  readonly phases?: readonly string[]
  readonly conditions: Readonly<Record<string, string>>
  readonly reasons: Readonly<Record<string, string>>
}

export type KindDefinition = {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly scope: 'Namespaced' | 'Cluster'
  /** file name of its page in docs/ */
  readonly page: string
  /** the words of its status; absent for a kind without one */
  readonly vocabulary?: Vocabulary
  /** of the whole object: apiVersion, kind, metadata, spec, status */
  readonly schema: SchemaNode
  readonly printerColumns: readonly PrinterColumn[]
}

export const crdName = (kind: KindDefinition): string => `${kind.plural}.${kind.group}`

export const customResourceDefinition = (kind: KindDefinition) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: crdName(kind) },
  spec: {
    group: kind.group,
    names: {
      kind: kind.kind,
      listKind: `${kind.kind}List`,
      plural: kind.plural,
      singular: kind.singular,
      shortNames: kind.shortNames,
      categories: kind.categories,
    },
    scope: kind.scope,
    versions: [
      {
        name: kind.version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: structuralSchema(kind.schema, kind.kind) },
        ...(kind.schema.properties?.['status'] ? { subresources: { status: {} } } : {}),
        additionalPrinterColumns: kind.printerColumns,
      },
    ],
  },
})
