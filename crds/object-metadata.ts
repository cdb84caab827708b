/** What the API server checks of `metadata` before it looks at a CRD's schema (apimachinery, api/validation). */
import { type FieldProblem, shown } from './field-problem.ts'
import { isRecord, type SchemaNode } from './schema-node.ts'
import { DNS_LABEL, DNS_SUBDOMAIN, LABEL_VALUE } from './patterns.ts'

const QUALIFIED_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/
const SUBDOMAIN = new RegExp(DNS_SUBDOMAIN)
const MAX_ANNOTATION_BYTES = 256 * 1024

const text: SchemaNode = { type: 'string' }

/** Fields that the server sets itself are accepted, so that the output of `kubectl get -o yaml` is valid. */
export const METADATA: SchemaNode = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { ...text, minLength: 1 },
    namespace: { ...text, maxLength: 63, pattern: DNS_LABEL },
    labels: {
      type: 'object',
      additionalProperties: { ...text, maxLength: 63, pattern: LABEL_VALUE },
    },
    annotations: { type: 'object', additionalProperties: text },
    finalizers: { type: 'array', items: text },
    ownerReferences: { type: 'array', items: { type: 'object' } },
    managedFields: { type: 'array', items: { type: 'object' } },
    generateName: text,
    uid: text,
    resourceVersion: text,
    generation: { type: 'integer' },
    creationTimestamp: text,
    deletionTimestamp: text,
    deletionGracePeriodSeconds: { type: 'integer' },
    selfLink: text,
  },
}

const isQualifiedName = (key: string): boolean => {
  const parts = key.split('/')
  const name = parts.pop() ?? ''
  const prefix = parts.shift()
  return (
    parts.length === 0 &&
    name.length <= 63 &&
    QUALIFIED_NAME.test(name) &&
    (prefix === undefined || (prefix.length <= 253 && SUBDOMAIN.test(prefix)))
  )
}

const keyProblems = (field: 'labels' | 'annotations', value: unknown): FieldProblem[] =>
  isRecord(value)
    ? Object.keys(value)
        // the server compares annotation keys in lower case
        .filter(key => !isQualifiedName(field === 'annotations' ? key.toLowerCase() : key))
        .map(key => ({
          path: ['metadata', field, key],
          part: 'key',
          reason: 'FieldValueInvalid',
          message: `${shown(key)} is no qualified name: [DNS subdomain/] and at most 63 of A-Z a-z 0-9 - _ .`,
        }))
    : []

const sizeProblems = (annotations: unknown): FieldProblem[] => {
  const bytes = isRecord(annotations)
    ? Object.entries(annotations).reduce(
        (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
        0,
      )
    : 0
  if (bytes <= MAX_ANNOTATION_BYTES) return []
  const message = `${bytes} bytes of annotations; at most ${MAX_ANNOTATION_BYTES}`
  return [{ path: ['metadata', 'annotations'], part: 'key', reason: 'FieldValueTooLong', message }]
}

const SUBDOMAIN_MAX = 253

/** What the server asks of the name of any custom resource (apimachinery, NameIsDNSSubdomain). */
export const subdomainProblems = (object: Record<string, unknown>): readonly FieldProblem[] => {
  const name = isRecord(object['metadata']) ? object['metadata']['name'] : undefined
  if (typeof name !== 'string' || name === '') return []
  if (name.length <= SUBDOMAIN_MAX && SUBDOMAIN.test(name)) return []
  const message = `must be a DNS-1123 subdomain: at most ${SUBDOMAIN_MAX} of a-z, 0-9, - and ., with a-z or 0-9 at both ends of each part, not ${shown(name)}`
  return [{ path: ['metadata', 'name'], part: 'value', reason: 'FieldValueInvalid', message }]
}

/** What no schema of ours can say about labels and annotations. */
export const metadataProblems = (job: Record<string, unknown>): readonly FieldProblem[] => {
  const metadata = isRecord(job['metadata']) ? job['metadata'] : {}
  return [
    ...keyProblems('labels', metadata['labels']),
    ...keyProblems('annotations', metadata['annotations']),
    ...sizeProblems(metadata['annotations']),
  ]
}
