/** The content is not there: its Job is made, once nothing of an earlier one is in the way. */
import type { StageJob } from '../../job/kinds.ts'
import { hasEnded, jobHasEnded } from '../../job/pod-state.ts'
import { ownedBy } from '../../kube/predicates.ts'
import { datasetFileName } from '../names.ts'
import { curateJob, datasetClaim, datasetFile } from '../objects.ts'
import { ownJob } from '../own-job.ts'
import { note } from '../say.ts'
import type { Situation, Step } from '../situation.ts'

/** Two pods must never write to one volume: the older would remove what the newer has just made. */
const inTheWay = ({ observed }: Situation, own: StageJob | undefined): string | undefined => {
  const pod = observed.pods.find(
    candidate => !hasEnded(candidate) && !(own && ownedBy(own, candidate)),
  )
  if (pod) return `waiting for pod ${pod.metadata.name} to end`
  const job = observed.curateJobs.find(
    candidate =>
      candidate.metadata.deletionTimestamp || (candidate !== own && !jobHasEnded(candidate)),
  )
  if (job) return `waiting for Job ${job.metadata.name} to go`
  return observed.claim?.metadata.deletionTimestamp
    ? `waiting for the old volume claim ${observed.claim.metadata.name} to go`
    : undefined
}

export const startCurating: Step = situation => {
  const { observed, key, config } = situation
  const { dataset, claim, configMaps } = observed
  const own = ownJob(situation)
  if (own && !own.metadata.deletionTimestamp) return undefined
  const obstacle = inTheWay(situation, own)
  if (obstacle) return { phase: 'Pending', note: note('Waiting', obstacle) }
  const fileName = datasetFileName(dataset.metadata.name, key)
  const hasFile = configMaps.some(({ metadata }) => metadata.name === fileName)
  const before = dataset.status?.key
  const keep = [...new Set([...observed.inUse, ...(before ? [before] : [])])].toSorted()
  return {
    phase: 'Preparing',
    note: note('Preparing'),
    apply: [
      ...(claim
        ? []
        : [{ kind: 'PersistentVolumeClaim' as const, manifest: datasetClaim(dataset) }]),
      ...(hasFile
        ? []
        : [{ kind: 'ConfigMap' as const, manifest: datasetFile({ dataset, key }, keep) }]),
      { kind: 'Job', manifest: curateJob({ dataset, key, config }) },
    ],
    events: [{ type: 'Normal', ...note('Preparing') }],
  }
}
