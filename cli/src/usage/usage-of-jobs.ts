/** Usage from the objects of a cluster: of the jobs that are there, over their whole life. */
import type { InstructionTuningJob } from '@attune/operator/job/kinds.ts'
import type { Usage } from './usage.ts'
import { byNamespace } from './usage.ts'

/** The job used some, and its spec no longer says of what. */
const UNKNOWN = 'unknown'

type Job = Pick<InstructionTuningJob, 'metadata' | 'status'> & {
  readonly spec?: { readonly resources?: { readonly accelerator?: { readonly resource?: string } } }
}

const usageOfJob = ({ metadata, spec, status }: Job): Usage => {
  const seconds = status?.acceleratorSeconds ?? 0
  const resource = spec?.resources?.accelerator?.resource ?? (seconds > 0 ? UNKNOWN : undefined)
  return {
    namespace: metadata.namespace ?? '',
    jobs: 1,
    runs: status?.run ?? 0,
    acceleratorSeconds: resource === undefined ? {} : { [resource]: seconds },
  }
}

export const usageOfJobs = (jobs: readonly Job[]): readonly Usage[] =>
  byNamespace(jobs.map(usageOfJob))
