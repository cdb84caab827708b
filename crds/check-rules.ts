/** The CEL rules of the definitions, evaluated as the API server does on create. */
import { Environment } from '@marcbachmann/cel-js'
import type { FieldProblem } from './field-problem.ts'
import type { CelRule } from './schema.ts'
import { type FieldPath, fieldSchema, isRecord, type SchemaNode } from './schema-node.ts'

export type Mode = 'cluster' | 'local'

export type BrokenRule = FieldProblem & {
  /** what the rule looked at; the problem's path may lie within it */
  readonly scope: FieldPath
}

/** `%s` as the strings library of cel-go writes it: a string bare, a list with its strings in quotes. */
const formatted = (pattern: string, values: readonly unknown[]): string => {
  const left = [...values]
  return pattern.replaceAll('%s', () => {
    const value = left.shift()
    return Array.isArray(value)
      ? `[${value.map(item => JSON.stringify(item)).join(', ')}]`
      : String(value)
  })
}

const environment = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
}).registerFunction('string.format(list): string', (pattern: string, values: unknown[]) =>
  formatted(pattern, values),
)

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

/** A message is one line, or the server falls back to the fixed one. */
const isMessage = (value: unknown): value is string =>
  typeof value === 'string' && value.trim() !== '' && !value.includes('\n')

const messageOf = ({ rule, message, messageExpression }: CelRule, self: unknown): string => {
  const fixed = message ?? `breaks ${rule}`
  if (messageExpression === undefined) return fixed
  try {
    const written = compile(messageExpression)({ self })
    return isMessage(written) ? written : fixed
  } catch {
    // as the server does
    return fixed
  }
}

/** `.a.b`, which is all that our rules use of JSON paths. */
const fieldOf = ({ fieldPath = '' }: CelRule, scope: FieldPath): FieldPath => [
  ...scope,
  ...fieldPath.split('.').slice(1),
]

const problemsHere = (value: unknown, node: SchemaNode, scope: FieldPath, mode: Mode) => {
  const rules = (node['x-kubernetes-validations'] ?? []).filter(rule => applies(rule, mode))
  if (!rules.length) return []
  const self = celValue(value, node)
  return rules.flatMap((rule): BrokenRule[] => {
    const verdict = holds(rule, self)
    if (verdict === true) return []
    const message = typeof verdict === 'string' ? verdict : messageOf(rule, self)
    const path = fieldOf(rule, scope)
    return [{ scope, path, part: 'value', reason: 'FieldValueInvalid', message }]
  })
}

/** @param value fits the schema, and has its defaults */
export const ruleProblems = (
  value: unknown,
  node: SchemaNode,
  mode: Mode,
  path: FieldPath = [],
): readonly BrokenRule[] => {
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
