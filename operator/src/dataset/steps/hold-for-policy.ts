/** No pod starts that a TuningPolicy does not allow, however the dataset came to be; one that runs is not stopped. */
import { waitsInQueue } from '../../job/queue/waits-in-queue.ts'
import { removal } from '../../job/removal.ts'
import { datasetViolations } from '../../policy/violations.ts'
import { ownJob } from '../own-job.ts'
import { failed } from '../say.ts'
import { queueOfDataset } from '../scheduling.ts'
import type { Step } from '../situation.ts'

export const holdForPolicy: Step = situation => {
  const { spec, observed } = situation
  const own = ownJob(situation)
  const queued = own && waitsInQueue(own, observed.pods)
  if (own && !own.metadata.deletionTimestamp && !queued) return undefined
  const asked = { ...spec, queueName: queueOfDataset(observed.dataset) }
  const broken = observed.policies.flatMap(policy => datasetViolations(asked, policy))
  if (broken.length === 0) return undefined
  return {
    ...failed('PolicyViolation', broken.join('; ')),
    // Kueue knows no TuningPolicy and would set the Job going
    ...(queued ? { remove: [removal('Job', own)] } : {}),
  }
}
