/** Conditions of a status: pure functions on frozen lists. */

export type ConditionStatus = 'True' | 'False' | 'Unknown'

export type Condition = {
  readonly type: string
  readonly status: ConditionStatus
  readonly reason: string
  readonly message: string
  readonly observedGeneration?: number
  readonly lastTransitionTime: string
}

/** What is to be said; the time of the transition follows from it. */
export type NewCondition = Omit<Condition, 'lastTransitionTime' | 'observedGeneration'> & {
  readonly observedGeneration: number
}

/** Kubernetes allows 32,768 characters; nobody reads them in a status. */
export const MAX_MESSAGE_LENGTH = 1024

export const trimMessage = (message: string, maxLength = MAX_MESSAGE_LENGTH): string => {
  if (message.length <= maxLength) return message
  const cut = message.slice(0, maxLength - 1)
  // half of a surrogate pair is not valid in JSON
  return `${/[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut}…`
}

export const findCondition = (
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined => conditions?.find(condition => condition.type === type)

export const isTrue = (conditions: readonly Condition[] | undefined, type: string): boolean =>
  findCondition(conditions, type)?.status === 'True'

const byType = (a: Condition, b: Condition) => (a.type < b.type ? -1 : a.type > b.type ? 1 : 0)

/**
 * The list with that condition in it, sorted by type. `lastTransitionTime` changes only with `status`, as the
 * API conventions say. Seconds suffice: metav1.Time has no more.
 */
export const setCondition = (
  conditions: readonly Condition[],
  next: NewCondition,
  nowMs: number,
): readonly Condition[] => {
  const old = findCondition(conditions, next.type)
  const lastTransitionTime =
    old?.status === next.status ? old.lastTransitionTime : rfc3339Seconds(nowMs)
  const condition: Condition = Object.freeze({
    type: next.type,
    status: next.status,
    reason: next.reason,
    message: trimMessage(next.message),
    observedGeneration: next.observedGeneration,
    lastTransitionTime,
  })
  const others = conditions.filter(({ type }) => type !== next.type)
  return Object.freeze([...others, condition].sort(byType))
}

/** Every condition speaks of the generation that was looked at; what is not said any more is gone. */
export const conditionsSaid = (
  said: readonly Omit<NewCondition, 'observedGeneration'>[],
  before: readonly Condition[],
  { generation, now }: { readonly generation: number; readonly now: number },
): Condition[] => {
  const known = before.filter(({ type }) => said.some(current => current.type === type))
  return [
    ...said.reduce<readonly Condition[]>(
      (list, next) => setCondition(list, { ...next, observedGeneration: generation }, now),
      known,
    ),
  ]
}

/** kstatus wants `Reconciling` and `Stalled` absent rather than False. */
export const removeCondition = (
  conditions: readonly Condition[],
  type: string,
): readonly Condition[] => Object.freeze(conditions.filter(condition => condition.type !== type))

/** metav1.Time: what the server would make of anything more precise. */
export const rfc3339Seconds = (ms: number): string =>
  `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`
