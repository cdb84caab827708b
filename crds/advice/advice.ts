/** What is said of a reason beside its sentence. */
export type Advice = {
  /** other words for it, as kubectl shows them */
  readonly seenAs?: readonly string[]
  /** what the operator does */
  readonly operator: string
  /** what a person can do */
  readonly you: string
}
