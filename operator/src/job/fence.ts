/** The NetworkPolicies of what a decision leaves running. */
import type { KubeObject } from '../kube/kube-object.ts'
import type { Pod, StageJob } from './kinds.ts'
import type { NetworkChanges } from './network-children.ts'
import { hasEnded, jobHasEnded } from './pod-state.ts'
import type { Child, Removal } from './situation.ts'

type Changes = { readonly apply: readonly Child[]; readonly remove: readonly Removal[] }
type Present = {
  readonly owner: KubeObject
  readonly pods: readonly Pod[]
  readonly jobs: readonly StageJob[]
}

const isNeeded = ({ apply }: Changes, { pods, jobs }: Present): boolean =>
  apply.some(({ kind }) => kind === 'Job') ||
  pods.some(pod => !hasEnded(pod)) ||
  jobs.some(job => !jobHasEnded(job))

/**
 * They are there before any pod, and made again as long as one is left: without them it reaches what it likes.
 * @param unneeded what is to go once none is left
 */
export const fenced = <T extends Changes>(
  decision: T,
  present: Present,
  changes: () => NetworkChanges,
  unneeded: readonly Removal[] = [],
): T => {
  if (present.owner.metadata.deletionTimestamp) return decision
  const { apply, remove } = isNeeded(decision, present)
    ? changes()
    : { apply: [], remove: unneeded }
  return {
    ...decision,
    apply: [...apply, ...decision.apply],
    remove: [...remove, ...decision.remove],
  }
}
