/** Without its volume the contents are lost, and a Job that wrote them speaks of a volume that is gone. */
import { removal } from '../../job/removal.ts'
import { claimUid } from '../content.ts'
import { note } from '../say.ts'
import type { Step } from '../situation.ts'

export const recoverVolume: Step = ({ observed }) => {
  const { volume } = observed.dataset.status ?? {}
  if (volume === undefined || claimUid(observed) === volume) return undefined
  return {
    phase: 'Preparing',
    note: note('WorkspaceLost'),
    content: {},
    remove: observed.curateJobs.map(job => removal('Job', job)),
    events: [{ type: 'Warning', ...note('WorkspaceLost') }],
  }
}
