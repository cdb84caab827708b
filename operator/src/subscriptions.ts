/** Which object of ours a change belongs to, so that it is looked at again. */
import { GROUP } from '@attune/crds/api-group.ts'
import { DATASET_INDEX } from './dataset/gather.ts'
import { DATASET_KIND, type InstructionDataset } from './dataset/kinds.ts'
import { DATASET_LABEL } from './dataset/names.ts'
import type { Informers } from './informers.ts'
import { awaitsModel } from './job/awaits-model.ts'
import { KIND, type Pod, StageJobs } from './job/kinds.ts'
import { JOB_LABEL } from './job/names.ts'
import { experimentKeys } from './job/pins.ts'
import { concernsExperiment, isProgress } from './experiment/trial-change.ts'
import type { Workload } from './job/queue/workload.ts'
import type { Informer } from './kube/informer.ts'
import { type KubeObject, type ObjectKey, objectKey } from './kube/kube-object.ts'
import { controllerKeys } from './kube/predicates.ts'
import { heldChanged } from './policy/held.ts'
import type { PolicyCaches } from './policy/policy-caches.ts'

type Handle = (key: ObjectKey) => void

/** A pod's controller is a Job that may be gone: a label names whom the pod belongs to. */
const keyOfLabel =
  (label: string) =>
  ({ metadata }: Pod): readonly ObjectKey[] => {
    const name = metadata.labels?.[label]
    const { namespace } = metadata
    return name ? [objectKey({ name, ...(namespace ? { namespace } : {}) })] : []
  }

const keysIn =
  ({ list }: Pick<Informer<KubeObject>, 'list'>) =>
  (namespace?: string): readonly ObjectKey[] =>
    list(namespace).map(({ metadata }) => objectKey(metadata))

const stageJobKeys = controllerKeys({ group: StageJobs.group, kind: StageJobs.kind })

type Owners = {
  readonly label: string
  readonly ofOwner: (child: KubeObject) => readonly ObjectKey[]
}
const JOBS: Owners = { label: JOB_LABEL, ofOwner: controllerKeys({ group: GROUP, kind: KIND }) }
const DATASETS: Owners = {
  label: DATASET_LABEL,
  ofOwner: controllerKeys({ group: GROUP, kind: DATASET_KIND }),
}

/** What is made for an owner, by the operator and, of that, by others. */
const subscribeChildren = (
  { pods, stageJobs, claims, configMaps, networkPolicies, workloads }: Informers,
  { label, ofOwner }: Owners,
  handle: Handle,
) => {
  const viaStageJob = (workload: Workload): readonly ObjectKey[] =>
    stageJobKeys(workload).flatMap(key => {
      const stageJob = stageJobs.get(key)
      return stageJob ? ofOwner(stageJob) : []
    })
  pods.subscribe({ handle, keysOf: keyOfLabel(label) })
  for (const informer of [stageJobs, claims, configMaps, networkPolicies])
    informer.subscribe({ handle, keysOf: ofOwner })
  workloads.subscribe({ handle, keysOf: viaStageJob })
}

/** @param policies absent where the operator does not look at TuningPolicies */
export const subscriptions = (informers: Informers, policies: PolicyCaches | undefined) => {
  const { jobs, datasets, experiments, baseModels } = informers
  const jobsOfDataset = ({ metadata }: InstructionDataset): readonly ObjectKey[] =>
    jobs.byIndex(DATASET_INDEX, objectKey(metadata)).map(job => objectKey(job.metadata))
  const jobsThatAwaitModels = (): readonly ObjectKey[] =>
    jobs
      .list()
      .filter(awaitsModel)
      .map(job => objectKey(job.metadata))
  return {
    /** Everything that changes leads to the job that it belongs to. */
    subscribe: (handle: Handle) => {
      jobs.subscribe({ handle })
      datasets.subscribe({ handle, keysOf: jobsOfDataset })
      subscribeChildren(informers, JOBS, handle)
      baseModels?.subscribe({ handle, keysOf: jobsThatAwaitModels })
      policies?.subscribe(keysIn(jobs), handle)
    },
    /** The same for experiments; what only tells how far a trial is may wait. */
    subscribeExperiments: (handle: Handle, handleLater: Handle) => {
      experiments.subscribe({ handle })
      jobs.subscribe({ when: concernsExperiment, handle, keysOf: experimentKeys })
      jobs.subscribe({ when: isProgress, handle: handleLater, keysOf: experimentKeys })
    },
    /** The same for datasets. */
    subscribeDatasets: (handle: Handle) => {
      datasets.subscribe({ handle })
      subscribeChildren(informers, DATASETS, handle)
      policies?.subscribe(keysIn(datasets), handle)
    },
    /** The same for TuningPolicies; what they hold back may be counted later. */
    subscribePolicies: (handle: Handle, handleLater: Handle) => {
      if (!policies) return
      const keysOf = ({ metadata }: KubeObject): readonly ObjectKey[] =>
        policies.of(metadata.namespace).map(policy => objectKey(policy.metadata))
      policies.subscribeOwn(handle)
      for (const informer of [jobs, datasets])
        informer.subscribe({ when: heldChanged, keysOf, handle: handleLater })
    },
  }
}
