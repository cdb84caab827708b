/** Whether a policy is for a namespace, by the rules of a Kubernetes label selector. */
import type { TuningPolicySpec } from '@attune/crds/tuning-policy-spec.ts'
import type { TuningPolicy } from './kinds.ts'

type Selector = NonNullable<TuningPolicySpec['namespaceSelector']>
type Expression = NonNullable<Selector['matchExpressions']>[number]
type Labels = Readonly<Record<string, string>>

const holds = ({ key, operator, values = [] }: Expression, labels: Labels): boolean => {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
  }
}

export const selects = ({ spec }: TuningPolicy, labels: Labels): boolean => {
  const { matchLabels = {}, matchExpressions = [] } = spec?.namespaceSelector ?? {}
  return (
    Object.entries(matchLabels).every(
      ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
    ) && matchExpressions.every(expression => holds(expression, labels))
  )
}
