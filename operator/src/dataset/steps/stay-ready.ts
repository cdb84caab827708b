/** The content of the spec lies on the volume. */
import { claimUid, preparedNote } from '../content.ts'
import type { Step } from '../situation.ts'

export const stayReady: Step = ({ observed, key }) => {
  const { status } = observed.dataset
  const isThere =
    status?.key === key && status.volume !== undefined && claimUid(observed) === status.volume
  return isThere ? { phase: 'Ready', note: preparedNote(status) } : undefined
}
