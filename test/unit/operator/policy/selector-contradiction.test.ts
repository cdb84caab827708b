import t from 'tap'
import type { TuningPolicySpec } from '../../../../crds/tuning-policy-spec.ts'
import { contradictedLabel } from '../../../../operator/src/policy/selector-contradiction.ts'

type Selector = NonNullable<TuningPolicySpec['namespaceSelector']>
type Operator = NonNullable<Selector['matchExpressions']>[number]['operator']

const expression = (key: string, operator: Operator, ...values: readonly string[]) => ({
  key,
  operator,
  ...(values.length > 0 ? { values: [...values] } : {}),
})

t.test('a selector contradicts itself where no label can be what it asks', async t => {
  const cases: Readonly<Record<string, readonly [Selector, string | undefined]>> = {
    nothing: [{}, undefined],
    'a label': [{ matchLabels: { tier: 'a' } }, undefined],
    'two labels': [{ matchLabels: { tier: 'a', team: 'b' } }, undefined],
    'a label that is there and has a value': [
      { matchLabels: { tier: 'a' }, matchExpressions: [expression('tier', 'Exists')] },
      undefined,
    ],
    'a value of several that stays': [
      {
        matchExpressions: [
          expression('tier', 'In', 'a', 'b'),
          expression('tier', 'In', 'b', 'c'),
          expression('tier', 'NotIn', 'a'),
        ],
      },
      undefined,
    ],
    'a label that is there and is not a value': [
      { matchExpressions: [expression('tier', 'Exists'), expression('tier', 'NotIn', 'a')] },
      undefined,
    ],
    'a label that is absent or another': [
      { matchExpressions: [expression('tier', 'DoesNotExist'), expression('tier', 'NotIn', 'a')] },
      undefined,
    ],
    'a label that is there and absent': [
      { matchExpressions: [expression('tier', 'Exists'), expression('tier', 'DoesNotExist')] },
      'tier',
    ],
    'a label with a value that is absent': [
      { matchLabels: { tier: 'a' }, matchExpressions: [expression('tier', 'DoesNotExist')] },
      'tier',
    ],
    'two values of one label': [
      { matchLabels: { tier: 'a' }, matchExpressions: [expression('tier', 'In', 'b')] },
      'tier',
    ],
    'a value that is refused': [
      {
        matchLabels: { team: 'x', tier: 'a' },
        matchExpressions: [expression('tier', 'NotIn', 'a')],
      },
      'tier',
    ],
    'values of three that have none in common': [
      {
        matchExpressions: [
          expression('tier', 'In', 'a', 'b'),
          expression('tier', 'In', 'b', 'c'),
          expression('tier', 'In', 'c', 'a'),
        ],
      },
      'tier',
    ],
  }
  for (const [name, [selector, label]] of Object.entries(cases))
    t.equal(contradictedLabel(selector), label, name)
})
