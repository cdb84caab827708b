/** A kind's definition → its field reference in Markdown. */
import type { KindDefinition, Vocabulary } from './custom-resource-definition.ts'
import { code, fieldParts, table } from './field-tables.ts'
import type { SchemaNode } from './schema-node.ts'

type Chapter = { readonly title: string; readonly body: string }

const PART_LEVEL = 3

const wordTable = (head: string, words: Readonly<Record<string, string>>) =>
  table(
    [head, 'meaning'],
    Object.entries(words).map(([word, meaning]) => [code(word), meaning]),
  )

const fieldChapter = (title: string, path: string, node: SchemaNode | undefined): Chapter[] =>
  node ? [{ title, body: fieldParts(path, node, PART_LEVEL) }] : []

const wordChapters = ({ phases = [], conditions, reasons }: Vocabulary): Chapter[] => [
  ...(phases.length > 0 ? [{ title: 'Phases', body: phases.map(code).join(' ') }] : []),
  { title: 'Conditions', body: wordTable('type', conditions) },
  { title: 'Reasons', body: wordTable('reason', reasons) },
]

const columnTable = ({ printerColumns }: KindDefinition) =>
  table(
    ['column', 'shown', 'from', 'meaning'],
    printerColumns.map(({ name, priority, jsonPath, description }) => [
      name,
      priority === 0 ? 'always' : '`-o wide`',
      code(jsonPath),
      description,
    ]),
  )

const chaptersOf = (kind: KindDefinition): readonly Chapter[] => {
  const { spec, status } = kind.schema.properties ?? {}
  return [
    ...fieldChapter('Spec', 'spec', spec),
    ...fieldChapter('Status', 'status', status),
    ...(kind.vocabulary ? wordChapters(kind.vocabulary) : []),
    { title: 'Printer columns', body: columnTable(kind) },
  ]
}

const linkTo = ({ title }: Chapter) => `[${title}](#${title.toLowerCase().replaceAll(' ', '-')})`

const rulesOf = ({ schema }: KindDefinition): string =>
  (schema['x-kubernetes-validations'] ?? [])
    .map(rule => `- ${rule.fieldPath ? `${code(rule.fieldPath.slice(1))} ` : ''}${rule.message}`)
    .join('\n')

export const fieldReference = (kind: KindDefinition): string => {
  const scope = kind.scope === 'Cluster' ? 'of the cluster' : 'namespaced'
  const rules = rulesOf(kind)
  const chapters = chaptersOf(kind)
  const where = rules ? ' A rule on `file://` holds in a cluster only.' : ''
  return `${[
    '<!-- Written by `npm run generate` from the definitions in crds/. Do not edit. -->',
    `# ${kind.kind}`,
    `${kind.schema.description}`,
    `\`apiVersion: ${kind.group}/${kind.version}\`, \`kind: ${kind.kind}\`; ${scope}; \`kubectl get ${kind.shortNames[0]}\`.`,
    `A field that is not listed here is refused. A field left out has its default.${where}`,
    rules,
    chapters.map(linkTo).join(' · '),
    ...chapters.map(({ title, body }) => `## ${title}\n\n${body}`),
  ]
    .filter(Boolean)
    .join('\n\n')}\n`
}
