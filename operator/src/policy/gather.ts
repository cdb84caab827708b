/** Everything a decision about a policy looks at, from caches only. */
import type { InstructionDataset } from '../dataset/kinds.ts'
import type { InstructionTuningJob } from '../job/kinds.ts'
import { type ObjectKey, objectKey } from '../kube/kube-object.ts'
import type { StatusPace } from '../kube/status-pace.ts'
import type { StoreReader } from '../kube/store.ts'
import { holdsDataset, holdsJob } from './held.ts'
import type { PolicyCaches } from './policy-caches.ts'
import type { Observed } from './situation.ts'

export type GatherOptions = {
  readonly policies: Pick<PolicyCaches, 'get' | 'namespacesOf'>
  readonly jobs: Pick<StoreReader<InstructionTuningJob>, 'list'>
  readonly datasets: Pick<StoreReader<InstructionDataset>, 'get' | 'list'>
  readonly pace: Pick<StatusPace, 'holdMs'>
}

const datasetOf = (
  { datasets }: GatherOptions,
  { metadata, spec }: InstructionTuningJob,
): InstructionDataset | undefined => {
  const name = spec?.dataset.ref?.name
  return name === undefined ? undefined : datasets.get(objectKey({ ...metadata, name }))
}

export const gather = (
  options: GatherOptions,
  key: ObjectKey,
  now: number,
): Observed | undefined => {
  const { policies, jobs, datasets, pace } = options
  const policy = policies.get(key)
  if (!policy) return undefined
  const namespaces = policies.namespacesOf(policy)
  const countIn = <T>(list: (namespace: string) => readonly T[], isHeld: (object: T) => boolean) =>
    namespaces.reduce((sum, namespace) => sum + list(namespace).filter(isHeld).length, 0)
  return {
    policy,
    namespaces: namespaces.length,
    heldJobs: countIn(jobs.list, job => holdsJob(policy, job, datasetOf(options, job))),
    heldDatasets: countIn(datasets.list, dataset => holdsDataset(policy, dataset)),
    holdMs: pace.holdMs(key, now),
  }
}
