/** The words of a `TuningPolicy`'s status, each with one sentence. */

export const POLICY_CONDITIONS = {
  Ready: 'True while the operator holds jobs and datasets of the selected namespaces to it.',
  Stalled: 'Present when only a change by a person can help (kstatus).',
} as const
export type PolicyConditionType = keyof typeof POLICY_CONDITIONS

export const POLICY_REASONS = {
  InForce: 'The operator holds jobs and datasets of the selected namespaces to it.',
  NoNamespaces: 'Its selector selects no namespace: it limits nobody until one has such labels.',
  SelectorContradicts:
    'Its selector contradicts itself, and selects no namespace whatever labels one has: it limits nobody.',
} as const
export type PolicyReason = keyof typeof POLICY_REASONS
