/** One ajv error → one sentence that names the value and what is allowed. */
import type { ErrorObject } from 'ajv'
import { nearest } from './did-you-mean.ts'
import { type FieldProblem, listed, shown } from './field-problem.ts'
import type { FieldPath, SchemaNode } from './schema-node.ts'
import { patternInWords } from './patterns.ts'

const WITH_ARTICLE: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'a string',
  integer: 'an integer',
  number: 'a number',
  boolean: 'true or false',
}

const quotesHint = (wanted: string, value: unknown): string => {
  if (wanted === 'string' && ['number', 'boolean'].includes(typeof value))
    return ` (put it in quotes)`
  const isNumber = (wanted === 'integer' || wanted === 'number') && typeof value === 'string'
  return isNumber && value.trim() !== '' && Number.isFinite(Number(value))
    ? ' (leave out the quotes)'
    : ''
}

const schemes = (pattern: string): readonly string[] | undefined =>
  /^\^\(([a-z0-9|]+)\):\/\/(\.\+)?$/.exec(pattern)?.[1]?.split('|')

const schemeText = (scheme: string) =>
  scheme === 'file' ? 'file://… (only with `attune run`)' : `${scheme}://…`

/** The example that a description gives. */
const exampleIn = (description = ''): string => {
  const example = /(?:such as|e\.g\.) `([^`]+)`/.exec(description)?.[1]
  return example === undefined ? '' : `, such as ${example}`
}

/** `^…/(exactMatch|tokenF1)$` → the metrics of a suite */
const suiteMetrics = (pattern: string): readonly string[] | undefined =>
  /\/\(([a-zA-Z0-9|]+)\)\$$/.exec(pattern)?.[1]?.split('|')

const wanted = (pattern: string, { description }: SchemaNode): string => {
  const allowed = schemes(pattern)
  if (allowed) return `must be ${listed(allowed.map(schemeText))}`
  const metrics = suiteMetrics(pattern)
  if (metrics) return `must be ${listed(metrics.map(metric => `<suite>/${metric}`))}`
  return patternInWords(pattern) ?? `must match ${pattern}${exampleIn(description)}`
}

const patternMessage = (pattern: string, value: unknown, schema: SchemaNode): string =>
  `${wanted(pattern, schema)}, not ${shown(value)}`

/** Words that are at home in another field, where who looks for them here should look. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['dora', 'DoRA is a variant: type LoRA, and method.lora.variant: DoRA'],
  ['rslora', 'rsLoRA is a variant: type LoRA, and method.lora.variant: RankStabilized'],
  ['lora+', 'LoRA+ is type LoRA with method.lora.bLearningRateRatio'],
])

const enumMessage = (allowed: readonly (string | number)[], value: unknown): string => {
  const said = `must be ${listed(allowed.map(String))}, not ${shown(value)}`
  const words = allowed.filter(one => typeof one === 'string')
  const meant = typeof value === 'string' ? nearest(value, words) : undefined
  const elsewhere = words.includes('LoRA') && ELSEWHERE.get(String(value).toLowerCase())
  if (elsewhere) return `${said}; ${elsewhere}`
  return `${said}${meant ? `; did you mean ${meant}?` : ''}`
}

type Explained = Pick<FieldProblem, 'message' | 'reason'> & { readonly part?: 'key' }
type Explain = (value: unknown, limit: unknown, schema: SchemaNode) => Explained

const outOfBounds =
  (words: string): Explain =>
  (value, limit) => ({
    reason: 'FieldValueInvalid',
    message: `must be ${words} ${limit}, not ${shown(value)}`,
  })

const EXPLAIN: Readonly<Record<string, Explain>> = {
  type: (value, wanted) => ({
    reason: 'FieldValueTypeInvalid',
    message: `must be ${WITH_ARTICLE[String(wanted)] ?? wanted}, not ${shown(value)}${quotesHint(String(wanted), value)}`,
  }),
  'x-kubernetes-int-or-string': value => ({
    reason: 'FieldValueTypeInvalid',
    message: `must be an integer or a string, not ${shown(value)}`,
  }),
  enum: (value, allowed) => ({
    reason: 'FieldValueNotSupported',
    message: enumMessage(allowed as (string | number)[], value),
  }),
  pattern: (value, pattern, schema) => ({
    reason: 'FieldValueInvalid',
    message: patternMessage(String(pattern), value, schema),
  }),
  minimum: outOfBounds('at least'),
  maximum: outOfBounds('at most'),
  exclusiveMinimum: outOfBounds('greater than'),
  exclusiveMaximum: outOfBounds('less than'),
  minLength: (_, limit) => ({
    reason: 'FieldValueInvalid',
    message: limit === 1 ? 'must not be empty' : `must have at least ${limit} characters`,
  }),
  maxLength: (value, limit) => ({
    reason: 'FieldValueTooLong',
    message: `has ${[...String(value)].length} characters; at most ${limit}`,
  }),
  minItems: (_, limit) => ({
    reason: 'FieldValueInvalid',
    message: `must have at least ${limit} item${limit === 1 ? '' : 's'}`,
  }),
  maxItems: (value, limit) => ({
    reason: 'FieldValueTooMany',
    message: `has ${(value as unknown[]).length} items; at most ${limit}`,
  }),
  maxProperties: (value, limit) => ({
    reason: 'FieldValueTooMany',
    message: `has ${Object.keys(value as object).length} entries; at most ${limit}`,
  }),
  oneOf: (_, branches) => ({
    reason: 'FieldValueInvalid',
    message: `give exactly one of ${listed(
      (branches as NonNullable<SchemaNode['oneOf']>).flatMap(({ required }) => required),
      'and',
    )}`,
  }),
  'x-kubernetes-list-type': (_, listType, schema) => ({
    reason: 'FieldValueDuplicate',
    message:
      listType === 'map'
        ? `two items have the same ${listed(schema['x-kubernetes-list-map-keys'] ?? [], 'and')}`
        : 'holds an item twice',
  }),
}

export const explain = (error: ErrorObject, path: FieldPath): FieldProblem => {
  if (error.keyword === 'required') {
    const field = String(error.params['missingProperty'])
    return {
      path: [...path, field],
      part: 'key',
      reason: 'FieldValueRequired',
      message: 'is required',
    }
  }
  const explained = EXPLAIN[error.keyword]?.(
    error.data,
    error.schema,
    (error.parentSchema ?? {}) as SchemaNode,
  ) ?? { reason: 'FieldValueInvalid', message: error.message ?? error.keyword }
  return { path, part: 'value', ...explained }
}
