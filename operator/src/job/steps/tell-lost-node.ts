/** A step that waits for pods to end says more where one cannot. */
import { lookAgainWithin } from '../../kube/look-again.ts'
import { hindered } from '../events.ts'
import { lostNode } from '../lost-node.ts'
import { obstacleBefore } from '../obstacle.ts'
import type { RunStep } from '../situation.ts'

const MESSAGE_MAX = 1024

export const tellLostNode =
  (step: RunStep): RunStep =>
  situation => {
    const result = step(situation)
    const { observed, now } = situation
    const lost = result && lostNode(observed.pods, now)
    if (!lost) return result
    if ('requeueAfterMs' in lost) return lookAgainWithin(result, lost.requeueAfterMs)
    const { reason } = lost.obstacle
    const message = lost.obstacle.message.slice(0, MESSAGE_MAX)
    const before = obstacleBefore(observed.job)
    const isNews = before?.reason !== reason || before.message !== message
    return {
      ...result,
      note: { reason, message },
      events: [...(result.events ?? []), ...(isNews ? [hindered(reason, message)] : [])],
    }
  }
