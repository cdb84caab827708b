/** A step that waits for pods to end says more where one cannot. */
import { lookAgainWithin } from '../../kube/look-again.ts'
import { lostNode } from '../../job/lost-node.ts'
import { note } from '../say.ts'
import type { Step } from '../situation.ts'

export const tellLostNode =
  (step: Step): Step =>
  situation => {
    const result = step(situation)
    const lost = result && lostNode(situation.observed.pods, situation.now)
    if (!lost) return result
    if ('obstacle' in lost)
      return { ...result, note: note('NodeNotResponding', lost.obstacle.message) }
    return lookAgainWithin(result, lost.requeueAfterMs)
  }
