/** Fields that the schema does not have; the API server refuses them with fieldValidation=Strict, which kubectl asks for. */
import { nearest } from './did-you-mean.ts'
import { type FieldProblem, listed } from './field-problem.ts'
import { type FieldPath, fieldSchema, isRecord, type SchemaNode } from './schema-node.ts'

const takesAnyField = (node: SchemaNode) => node.type === 'object' && !node.properties

const unknownField = (path: FieldPath, node: SchemaNode): FieldProblem => {
  const name = String(path.at(-1))
  const known = Object.keys(node.properties ?? {})
  const meant = nearest(name, known)
  return {
    path,
    part: 'key',
    reason: 'UnknownField',
    message: `unknown field; ${meant ? `did you mean ${meant}? ` : ''}allowed here: ${listed(known, 'and')}`,
  }
}

export const unknownFields = (
  value: unknown,
  node: SchemaNode,
  path: FieldPath = [],
): readonly FieldProblem[] => {
  if (Array.isArray(value) && node.items) {
    const { items } = node
    return value.flatMap((item, i) => unknownFields(item, items, [...path, i]))
  }
  if (!isRecord(value) || takesAnyField(node)) return []
  return Object.entries(value).flatMap(([key, item]) => {
    const child = fieldSchema(node, key)
    if (child) return unknownFields(item, child, [...path, key])
    // a scalar where the text has an object is a wrong type, not an unknown field
    return node.properties ? [unknownField([...path, key], node)] : []
  })
}

/** @returns a copy without the fields that the schema lacks, so that they are reported once */
export const withoutUnknownFields = (value: unknown, node: SchemaNode): unknown => {
  if (Array.isArray(value) && node.items) {
    const { items } = node
    return value.map(item => withoutUnknownFields(item, items))
  }
  if (!isRecord(value) || !node.properties) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => {
      const child = fieldSchema(node, key)
      return child ? [[key, withoutUnknownFields(item, child)]] : []
    }),
  )
}
