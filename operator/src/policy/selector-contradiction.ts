/** Whether a selector asks for labels that no namespace can have at once. */
import type { TuningPolicySpec } from '@attune/crds/tuning-policy-spec.ts'

type Selector = NonNullable<TuningPolicySpec['namespaceSelector']>
type Expression = NonNullable<Selector['matchExpressions']>[number]

/** matchLabels are requirements like the others. */
const requirements = ({ matchLabels = {}, matchExpressions = [] }: Selector) => [
  ...Object.entries(matchLabels).map(
    ([key, value]): Expression => ({ key, operator: 'In', values: [value] }),
  ),
  ...matchExpressions,
]

/** @param asked of one label */
const canHold = (asked: readonly Expression[]): boolean => {
  const valuesOf = (wanted: Expression['operator']) =>
    asked.filter(({ operator }) => operator === wanted).map(({ values = [] }) => values)
  const mustBeThere = asked.some(({ operator }) => operator === 'In' || operator === 'Exists')
  const mustBeAbsent = asked.some(({ operator }) => operator === 'DoesNotExist')
  if (mustBeThere && mustBeAbsent) return false
  const [first, ...others] = valuesOf('In')
  const refused = valuesOf('NotIn').flat()
  return (
    first === undefined ||
    first.some(value => others.every(values => values.includes(value)) && !refused.includes(value))
  )
}

/** @returns the label of which it asks too much */
export const contradictedLabel = (selector: Selector): string | undefined => {
  const byKey = Map.groupBy(requirements(selector), ({ key }) => key)
  return [...byKey].find(([, asked]) => !canHold(asked))?.[0]
}
