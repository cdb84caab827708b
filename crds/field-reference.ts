/** A kind's definition → its field reference in Markdown. */
import type { KindDefinition, Vocabulary } from './custom-resource-definition.ts'
import type { SchemaNode } from './schema-node.ts'

type Row = readonly string[]

const cell = (text: string) => text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')
const code = (text: string) => `\`${text}\``

const table = (head: Row, rows: readonly Row[]): string =>
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

const fieldRow = (path: string, node: SchemaNode, required: boolean): Row => [
  code(path),
  typeName(node),
  required ? 'required' : node.default === undefined ? '' : code(JSON.stringify(node.default)),
  bounds(node),
  described(node),
]

const fieldRows = (path: string, node: SchemaNode): Row[] => {
  const rows = Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
    fieldRow(`${path}.${key}`, child, node.required?.includes(key) ?? false),
    ...fieldRows(`${path}.${key}`, child),
  ])
  return [
    ...rows,
    ...(node.items ? fieldRows(`${path}[]`, node.items) : []),
    ...(node.additionalProperties ? fieldRows(`${path}.*`, node.additionalProperties) : []),
  ]
}

const FIELDS: Row = ['field', 'type', 'default', 'bounds', 'meaning']

const section = (path: string, key: string, node: SchemaNode, required: boolean): string =>
  `### ${code(`${path}.${key}`)}\n\n${table(FIELDS, [
    fieldRow(`${path}.${key}`, node, required),
    ...fieldRows(`${path}.${key}`, node),
  ])}`

const sections = (path: string, node: SchemaNode): string =>
  Object.entries(node.properties ?? {})
    .map(([key, child]) => section(path, key, child, node.required?.includes(key) ?? false))
    .join('\n\n')

const wordTable = (head: string, words: Readonly<Record<string, string>>) =>
  table(
    [head, 'meaning'],
    Object.entries(words).map(([word, meaning]) => [code(word), meaning]),
  )

const statusPart = (status: SchemaNode): string =>
  `## Status\n\n${table(FIELDS, [fieldRow('status', status, false), ...fieldRows('status', status)])}\n\n`

const phasesPart = (phases: readonly string[] = []): string =>
  phases.length > 0 ? `## Phases\n\n${phases.map(code).join(' ')}\n\n` : ''

const wordsPart = ({
  phases,
  conditions,
  reasons,
}: Vocabulary): string => `${phasesPart(phases)}## Conditions

${wordTable('type', conditions)}

## Reasons

${wordTable('reason', reasons)}

`

export const fieldReference = (kind: KindDefinition): string => {
  const { spec = {}, status } = kind.schema.properties ?? {}
  const scope = kind.scope === 'Cluster' ? 'of the cluster' : 'namespaced'
  const rules = (kind.schema['x-kubernetes-validations'] ?? []).map(
    rule => `- ${rule.fieldPath ? `${code(rule.fieldPath.slice(1))} ` : ''}${rule.message}\n`,
  )
  return `<!-- Written by \`npm run generate\` from the definitions in crds/. Do not edit. -->

# ${kind.kind}

${kind.schema.description}

\`apiVersion: ${kind.group}/${kind.version}\`, \`kind: ${kind.kind}\`; ${scope}; \`kubectl get ${kind.shortNames[0]}\`.

A field that is not listed here is refused. A field left out has its default.${rules.length > 0 ? ' A rule on `file://` holds in a cluster only.' : ''}

${rules.join('')}${rules.length > 0 ? '\n' : ''}## Spec

${sections('spec', spec)}

${status ? statusPart(status) : ''}${kind.vocabulary ? wordsPart(kind.vocabulary) : ''}## Printer columns

${table(
  ['column', 'shown', 'from', 'meaning'],
  kind.printerColumns.map(column => [
    column.name,
    column.priority === 0 ? 'always' : '`-o wide`',
    code(column.jsonPath),
    column.description,
  ]),
)}
`
}
