/** Types, bounds, closed sets and list types, by ajv on the definitions themselves. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { canonicalJson } from './canonical-json.ts'
import { explain } from './explain-schema-error.ts'
import type { FieldProblem } from './field-problem.ts'
import { type FieldPath, isRecord, type SchemaNode } from './schema-node.ts'

/** The API server decodes an integer beyond 64 bits as a float, which is none. */
const INT64 = 2 ** 63

type ListType = SchemaNode['x-kubernetes-list-type']

const repeats = (listType: ListType, keys: readonly string[], items: readonly unknown[]) => {
  const identity = (item: unknown) =>
    canonicalJson(isRecord(item) && listType === 'map' ? keys.map(key => item[key] ?? null) : item)
  const seen = new Set<string>()
  return items.findIndex(item => {
    const id = identity(item)
    if (seen.has(id)) return true
    seen.add(id)
    return false
  })
}

const noItemTwice = (listType: ListType, items: unknown[], parent?: object): boolean =>
  listType === 'atomic' ||
  repeats(listType, (parent as SchemaNode)['x-kubernetes-list-map-keys'] ?? [], items) < 0

const isIntOrString = (wanted: boolean, value: unknown): boolean =>
  !wanted ||
  typeof value === 'string' ||
  (Number.isInteger(value) && Math.abs(value as number) < INT64)

/** `anyOf` says what `x-kubernetes-int-or-string` says already, three errors at a time. */
const forAjv = (_key: string, value: unknown): unknown => {
  if (!isRecord(value)) return value
  if (value['x-kubernetes-int-or-string']) return { ...value, anyOf: undefined }
  return value['type'] === 'integer' ? { minimum: -INT64, maximum: INT64 - 1024, ...value } : value
}

export const compileSchema = (node: SchemaNode): ValidateFunction => {
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, validateFormats: false })
  ajv.addKeyword({ keyword: 'x-kubernetes-int-or-string', validate: isIntOrString })
  ajv.addKeyword({ keyword: 'x-kubernetes-list-type', type: 'array', validate: noItemTwice })
  return ajv.compile(JSON.parse(JSON.stringify(node, forAjv)) as object)
}

const pathOf = (error: ErrorObject, root: unknown): FieldPath => {
  const path: (string | number)[] = []
  let value = root
  for (const step of error.instancePath.split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~')
    path.push(Array.isArray(value) ? Number(key) : key)
    value = (value as Record<string, unknown> | null)?.[key]
  }
  return path
}

export const schemaProblems = (
  validate: ValidateFunction,
  value: unknown,
): readonly FieldProblem[] => {
  if (validate(value)) return []
  return (
    (validate.errors ?? [])
      // what is missing in each branch; the error of the whole says more
      .filter(({ schemaPath }) => !schemaPath.includes('/oneOf/'))
      .map(error => explain(error, pathOf(error, value)))
  )
}
