/** The CEL rules of the definitions, evaluated as the API server does on create. */
import { Environment } from '@marcbachmann/cel-js'
import type { FieldProblem } from './field-problem.ts'
import type { CelRule } from './schema.ts'
import { type FieldPath, fieldSchema, isRecord, type SchemaNode } from './schema-node.ts'

export type Mode = 'cluster' | 'local'

const environment = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
})

type Compiled = ReturnType<Environment['parse']>
const compiled = new Map<string, Compiled>()
const compile = (rule: string): Compiled => {
  const found = compiled.get(rule) ?? environment.parse(rule)
  compiled.set(rule, found)
  return found
}

/** CEL has integers (bigint here) beside doubles; the schema says which a number is. */
const celValue = (value: unknown, node: SchemaNode | undefined): unknown => {
  if (typeof value === 'number') {
    const isInteger = node?.type === 'integer' || node?.['x-kubernetes-int-or-string']
    return isInteger && Number.isInteger(value) ? BigInt(value) : value
  }
  if (Array.isArray(value)) return value.map(item => celValue(item, node?.items))
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      celValue(item, node ? fieldSchema(node, key) : undefined),
    ]),
  )
}

const holds = (rule: CelRule, self: unknown): boolean | string => {
  try {
    return compile(rule.rule)({ self }) === true
  } catch (error) {
    return `rule ${rule.rule} cannot be evaluated: ${(error as Error).message.split('\n')[0]}`
  }
}

/** A rule on `oldSelf` speaks of an update, and nothing is updated here. */
const applies = (rule: CelRule, mode: Mode): boolean =>
  !(rule.clusterOnly && mode === 'local') && !/\boldSelf\b/.test(rule.rule)

const problemsHere = (value: unknown, node: SchemaNode, path: FieldPath, mode: Mode) => {
  const rules = (node['x-kubernetes-validations'] ?? []).filter(rule => applies(rule, mode))
  if (!rules.length) return []
  const self = celValue(value, node)
  return rules.flatMap((rule): FieldProblem[] => {
    const verdict = holds(rule, self)
    if (verdict === true) return []
    const message = typeof verdict === 'string' ? verdict : (rule.message ?? `breaks ${rule.rule}`)
    return [{ path, part: 'value', reason: 'FieldValueInvalid', message }]
  })
}

/** @param value fits the schema, and has its defaults */
export const ruleProblems = (
  value: unknown,
  node: SchemaNode,
  mode: Mode,
  path: FieldPath = [],
): readonly FieldProblem[] => {
  const here = problemsHere(value, node, path, mode)
  if (Array.isArray(value) && node.items) {
    const { items } = node
    return [...here, ...value.flatMap((item, i) => ruleProblems(item, items, mode, [...path, i]))]
  }
  if (!isRecord(value)) return here
  const below = Object.entries(value).flatMap(([key, item]) => {
    const child = fieldSchema(node, key)
    return child ? ruleProblems(item, child, mode, [...path, key]) : []
  })
  return [...here, ...below]
}
