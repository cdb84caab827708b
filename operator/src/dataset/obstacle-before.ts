/** What status said last of a pod that does not start. */
import { NAMED_OBSTACLES } from '../job/obstacle.ts'
import { findCondition } from '../kube/conditions.ts'
import { isDatasetReason } from './say.ts'
import type { Note, Situation } from './situation.ts'

export const obstacleBefore = ({ observed }: Pick<Situation, 'observed'>): Note | undefined => {
  const { reason = '', message = '' } =
    findCondition(observed.dataset.status?.conditions, 'Ready') ?? {}
  const isObstacle = reason === 'Waiting' || NAMED_OBSTACLES.some(name => name === reason)
  return isObstacle && isDatasetReason(reason) ? { reason, message } : undefined
}
