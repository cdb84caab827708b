import t from 'tap'
import type { SchemaNode } from '../../../crds/schema-node.ts'
import { structuralSchema } from '../../../crds/structural-schema.ts'

t.test('exclusive bounds are booleans beside the bound, as OpenAPI 3.0 has them', async t => {
  t.strictSame(structuralSchema({ type: 'number', exclusiveMinimum: 0, maximum: 1 }), {
    type: 'number',
    minimum: 0,
    exclusiveMinimum: true,
    maximum: 1,
  })
  t.strictSame(structuralSchema({ type: 'number', exclusiveMaximum: 1 }), {
    type: 'number',
    maximum: 1,
    exclusiveMaximum: true,
  })
})

t.test('properties, items and maps are walked', async t => {
  const node: SchemaNode = {
    type: 'object',
    required: ['a'],
    properties: {
      a: { type: 'array', items: { type: 'integer', exclusiveMinimum: 1 } },
      b: { type: 'object', additionalProperties: { type: 'string' } },
    },
  }
  t.match(structuralSchema(node), {
    required: ['a'],
    properties: {
      a: { items: { minimum: 1, exclusiveMinimum: true } },
      b: { additionalProperties: { type: 'string' } },
    },
  })
})

t.test('our mark on a rule stays behind', async t => {
  const rule = { rule: 'true', message: 'm', clusterOnly: true }
  const { 'x-kubernetes-validations': rules } = structuralSchema({
    type: 'string',
    'x-kubernetes-validations': [rule],
  })
  t.strictSame(rules, [{ rule: 'true', message: 'm' }])
})

t.test('what a structural schema cannot hold is refused with its place', async t => {
  const cases: Readonly<Record<string, object>> = {
    'a keyword of JSON Schema alone': { type: 'string', const: 'x' },
    'an anyOf of objects': { anyOf: [{ type: 'string' }, { type: 'object' }] },
    'a pattern with a look-ahead': { type: 'string', pattern: '^(?!a)' },
  }
  for (const [name, child] of Object.entries(cases))
    t.throws(
      () => structuralSchema({ type: 'object', properties: { f: child as SchemaNode } }, 'Kind'),
      /^Kind\.f: |Kind\.f/,
      name,
    )
})
