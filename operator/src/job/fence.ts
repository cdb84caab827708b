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

/** They are there before any pod, and made again as long as one is left: without them it reaches what it likes. */
export const fenced = <T extends Changes>(
  decision: T,
  { owner, pods, jobs }: Present,
  changes: () => NetworkChanges,
): T => {
  const isNeeded =
    decision.apply.some(({ kind }) => kind === 'Job') ||
    pods.some(pod => !hasEnded(pod)) ||
    jobs.some(job => !jobHasEnded(job))
  if (!isNeeded || owner.metadata.deletionTimestamp) return decision
  const { apply, remove } = changes()
  return {
    ...decision,
    apply: [...apply, ...decision.apply],
    remove: [...remove, ...decision.remove],
  }
}
