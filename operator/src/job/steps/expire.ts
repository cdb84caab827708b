/** Some time after its end a job gives back what it holds; the object itself is Git's, and its runs' job files go with the history. */
import { expired } from '../events.ts'
import { removal } from '../removal.ts'
import { isFinished } from '../run.ts'
import type { Removal, RunStep } from '../situation.ts'

export const expire: RunStep = ({ spec, run, runs, observed, now }) => {
  const { ttlSecondsAfterFinished: ttl } = spec
  if (ttl === undefined || !isFinished(run) || run.finishedAt === undefined) return undefined
  const { claim, stageJobs } = observed
  const remove: readonly Removal[] = [
    ...stageJobs.map(job => removal('Job', job)),
    ...(claim && !claim.metadata.deletionTimestamp
      ? [removal('PersistentVolumeClaim', claim)]
      : []),
  ]
  const left = Date.parse(run.finishedAt) + ttl * 1000 - now
  if (left > 0) return { runs, ...(remove.length > 0 ? { requeueAfterMs: left } : {}) }
  return remove.length > 0 ? { runs, remove, events: [expired()] } : undefined
}
