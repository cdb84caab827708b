/** Usage from the objects of a cluster: of the jobs that are there, over their whole life. */
import type { InstructionTuningJob } from '@attune/operator/job/kinds.ts'
import { addTo, byNamespace, type Usage } from './usage.ts'

/** The job used some, and its status does not say of what. */
const UNKNOWN = 'unknown'

type Job = Pick<InstructionTuningJob, 'metadata' | 'status'>

const usageOfJob = ({ metadata, status }: Job): Usage => {
  const { acceleratorSeconds = 0, acceleratorSecondsByResource: known = {} } = status ?? {}
  const rest = acceleratorSeconds - Object.values(known).reduce((sum, value) => sum + value, 0)
  return {
    namespace: metadata.namespace ?? '',
    jobs: 1,
    runs: status?.run ?? 0,
    acceleratorSeconds: addTo(known, rest > 0 ? { [UNKNOWN]: rest } : {}),
  }
}

export const usageOfJobs = (jobs: readonly Job[]): readonly Usage[] =>
  byNamespace(jobs.map(usageOfJob))
