/** A schema → the tables of its fields in Markdown, a heading for each part. */
import type { SchemaNode } from './schema-node.ts'

export type Row = readonly string[]
type Field = { readonly path: string; readonly node: SchemaNode; readonly required: boolean }

/** A part with more fields than this comes after the others, in parts of its own. */
const LONG_PART = 40
const DEEPEST_HEADING = 6

const cell = (text: string) => text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')
export const code = (text: string): string => `\`${text}\``

export const table = (head: Row, rows: readonly Row[]): string =>
  [head, head.map(() => '---'), ...rows].map(row => `| ${row.map(cell).join(' | ')} |`).join('\n')

const typeName = (node: SchemaNode): string => {
  if (node['x-kubernetes-int-or-string']) return 'integer or string'
  if (node.type === 'array') return `list of ${typeName(node.items ?? {})}`
  if (node.additionalProperties) return `map of ${typeName(node.additionalProperties)}`
  return node.type ?? 'any'
}

const range = (node: SchemaNode): string[] => [
  ...(node.minimum === undefined ? [] : [`≥ ${node.minimum}`]),
  ...(node.exclusiveMinimum === undefined ? [] : [`> ${node.exclusiveMinimum}`]),
  ...(node.maximum === undefined ? [] : [`≤ ${node.maximum}`]),
  ...(node.exclusiveMaximum === undefined ? [] : [`< ${node.exclusiveMaximum}`]),
]

const sizes = (node: SchemaNode): string[] => {
  const between = (min: number | undefined, max: number | undefined, unit: string) =>
    max === undefined ? [] : [`${min ?? 0}–${max} ${unit}`]
  return [
    ...between(node.minLength, node.maxLength, 'characters'),
    ...between(node.minItems, node.maxItems, 'items'),
    ...between(undefined, node.maxProperties, 'entries'),
  ]
}

const bounds = (node: SchemaNode): string =>
  [
    ...(node.enum ? [node.enum.map(code).join(' ')] : []),
    ...(node.items?.enum ? [`of ${node.items.enum.map(code).join(' ')}`] : []),
    ...range(node),
    ...sizes(node),
    ...(node.pattern ? [code(node.pattern)] : []),
    ...(node['x-kubernetes-list-type'] === 'set' ? ['no item twice'] : []),
    ...(node.oneOf
      ? [`exactly one of ${node.oneOf.flatMap(({ required }) => required.map(code)).join(' ')}`]
      : []),
    ...(node.items?.oneOf ? [bounds(node.items)] : []),
    ...(node['x-kubernetes-list-map-keys'] ?? []).map(key => `no ${code(key)} twice`),
  ].join(', ')

const described = (node: SchemaNode): string =>
  [
    node.description ?? '',
    ...(node['x-kubernetes-validations'] ?? []).map(
      rule => `**Rule:** ${rule.message ?? code(rule.rule)}.`,
    ),
  ]
    .filter(Boolean)
    .join(' ')

/** The fields right below a node, through its lists and maps. */
const fieldsOf = (path: string, node: SchemaNode): readonly Field[] => [
  ...Object.entries(node.properties ?? {}).map(([key, child]) => ({
    path: `${path}.${key}`,
    node: child,
    required: node.required?.includes(key) ?? false,
  })),
  ...(node.items ? fieldsOf(`${path}[]`, node.items) : []),
  ...(node.additionalProperties ? fieldsOf(`${path}.*`, node.additionalProperties) : []),
]

const HEAD: Row = ['field', 'type', 'default', 'bounds', 'meaning']

const row = ({ node, required }: Field, name: string, meaning: string): Row => [
  name,
  typeName(node),
  required ? 'required' : node.default === undefined ? '' : code(JSON.stringify(node.default)),
  bounds(node),
  meaning,
]

const rowsBelow = (path: string, node: SchemaNode): readonly Row[] =>
  fieldsOf(path, node).flatMap(field => [
    row(field, code(field.path), described(field.node)),
    ...rowsBelow(field.path, field.node),
  ])

const sizeOf = ({ path, node }: Field) => rowsBelow(path, node).length
const isLong = (field: Field) => sizeOf(field) > LONG_PART

/** As GitHub makes it of a heading. */
const anchorOf = (path: string) => path.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '')

const overviewRow = (field: Field): Row =>
  sizeOf(field) === 0
    ? row(field, code(field.path), described(field.node))
    : row(field, `[${code(field.path)}](#${anchorOf(field.path)})`, field.node.description ?? '')

const part = (field: Field, level: number): string => {
  const { path, node } = field
  const body =
    isLong(field) && level < DEEPEST_HEADING
      ? fieldParts(path, node, level + 1)
      : table(HEAD, rowsBelow(path, node))
  return [`${'#'.repeat(level)} ${code(path)}`, described(node), body].filter(Boolean).join('\n\n')
}

/**
 * A table of the fields right below a node, and a heading for each that has fields itself.
 * @param level of these headings
 */
export const fieldParts = (path: string, node: SchemaNode, level: number): string => {
  const fields = fieldsOf(path, node)
  const withParts = fields.filter(field => sizeOf(field) > 0)
  const ordered = [
    ...withParts.filter(field => !isLong(field)),
    ...withParts.filter(field => isLong(field)),
  ]
  return [table(HEAD, fields.map(overviewRow)), ...ordered.map(field => part(field, level))].join(
    '\n\n',
  )
}
