/** Pods that were told to end on a node that does not say that they have: nothing may go on beside them. */
import type { Pod } from './kinds.ts'
import type { Obstacle } from './obstacle.ts'
import { hasEnded } from './pod-state.ts'

/** The kubelet kills at the end of the grace period, and says so within seconds. */
export const CONFIRMING_MS = 60_000

/** One without a node is collected by Kubernetes itself. */
const ending = (pods: readonly Pod[]) =>
  pods
    .flatMap(pod => {
      const { name, deletionTimestamp: by } = pod.metadata
      const node = pod.spec?.nodeName
      return hasEnded(pod) || !node || !by
        ? []
        : [{ name, node, by, lostMs: Date.parse(by) + CONFIRMING_MS }]
    })
    .toSorted((a, b) => a.lostMs - b.lostMs || (a.name < b.name ? -1 : 1))

export type LostNode =
  | { readonly obstacle: Obstacle }
  /** how long until the first of them is one */
  | { readonly requeueAfterMs: number }

/** @returns undefined where no pod is told to end */
export const lostNode = (pods: readonly Pod[], now: number): LostNode | undefined => {
  const [first] = ending(pods)
  if (!first) return undefined
  const { name, node, by, lostMs } = first
  if (now < lostMs) return { requeueAfterMs: lostMs - now }
  const message = `pod ${name} should have ended by ${by}, and node ${node} does not say that it has. Nothing is to be done if the node comes back. If it is switched off for good, an administrator deletes the Node ${node} or gives it the taint node.kubernetes.io/out-of-service; the work then goes on from the checkpoint`
  return { obstacle: { reason: 'NodeNotResponding', message } }
}
