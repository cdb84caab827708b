/** Objects of one kind and one name in one text: applied in turn, the last would take the place of the others. */
import { API_VERSION } from './api-group.ts'
import type { FieldProblem } from './field-problem.ts'
import type { ManifestDocument } from './manifest-text.ts'
import { isRecord } from './schema-node.ts'

export type Repeated = { readonly document: ManifestDocument; readonly problem: FieldProblem }

const identityOf = ({ value }: ManifestDocument): string | undefined => {
  if (!isRecord(value) || !isRecord(value['metadata'])) return undefined
  const { apiVersion, kind, metadata } = value
  const { name, namespace = '' } = metadata as Record<string, unknown>
  const isNamed = apiVersion === API_VERSION && typeof name === 'string'
  return isNamed ? JSON.stringify([kind, namespace, name]) : undefined
}

export const repeatedObjects = (documents: readonly ManifestDocument[]): readonly Repeated[] => {
  const lines = new Map<string, number>()
  return documents.flatMap(document => {
    const identity = identityOf(document)
    if (identity === undefined) return []
    const first = lines.get(identity)
    if (first === undefined) lines.set(identity, document.line)
    if (first === undefined) return []
    const message = `stands in this text twice, first in line ${first}; give one of the two another name`
    const problem: FieldProblem = {
      path: ['metadata', 'name'],
      part: 'value',
      reason: 'FieldValueDuplicate',
      message,
    }
    return [{ document, problem }]
  })
}
