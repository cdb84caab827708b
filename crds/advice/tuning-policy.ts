/** Reasons of a TuningPolicy that limits nobody. */
import type { PolicyReason } from '../tuning-policy-conditions.ts'
import type { Advice } from './advice.ts'

type Trouble = Exclude<PolicyReason, 'InForce'>

export const POLICY_TROUBLES: Readonly<Record<Trouble, Advice>> = {
  NoNamespaces: {
    operator:
      'Says so with an Event; `Ready` is True, as the namespaces may be yet to come. The policy is in force for one as soon as it has the labels.',
    you: 'Compare `spec.namespaceSelector` with `kubectl get namespaces --show-labels`.',
  },
  SelectorContradicts: {
    operator: 'Says so by `Stalled` and with an Event. The API server refuses nothing for it.',
    you: 'Change what `spec.namespaceSelector` asks of the label that the message names: what matchLabels and all matchExpressions ask has to hold together.',
  },
}
