import t from 'tap'
import type { InstructionDataset } from '../../../../operator/src/dataset/kinds.ts'
import type { BaseModel } from '../../../../operator/src/base-model/kinds.ts'
import { gather, podIndexes } from '../../../../operator/src/job/gather.ts'
import type {
  ConfigMap,
  InstructionTuningJob,
  NetworkPolicy,
  Pod,
  StageJob,
} from '../../../../operator/src/job/kinds.ts'
import type { Workload } from '../../../../operator/src/job/queue/workload.ts'
import type { KubeObject } from '../../../../operator/src/kube/kube-object.ts'
import { createStore } from '../../../../operator/src/kube/store.ts'
import { aWorkload } from '../../../fixtures/operator/a-workload.ts'
import {
  aJob,
  aPod,
  aStageJob,
  CLAIM,
  NOW,
  OUTPUT_CLAIM,
} from '../../../fixtures/operator/tuning-job.ts'

const placed = <T extends KubeObject>(namespace: string, object: T): T => ({
  ...object,
  metadata: {
    ...object.metadata,
    namespace,
    ownerReferences: [{ apiVersion: 'v1', kind: 'Any', name: 'home', uid: 'job-uid' }],
  },
})

const caches = () => ({
  jobs: createStore<InstructionTuningJob>(),
  datasets: createStore<InstructionDataset>(),
  stageJobs: createStore<StageJob>(),
  workloads: createStore<Workload>(),
  pods: createStore<Pod>(podIndexes),
  claims: createStore(),
  configMaps: createStore<ConfigMap>(),
  baseModels: createStore<BaseModel>(),
  networkPolicies: createStore<NetworkPolicy>(),
  policies: { of: () => [] },
  progress: { get: () => undefined },
  warnings: { get: () => undefined },
  pace: { holdMs: () => 0 },
})

const put = (namespace: string, into: ReturnType<typeof caches>) => {
  into.pods.set(placed(namespace, aPod(1, 'train')))
  into.stageJobs.set(placed(namespace, aStageJob(1, 'train')))
  const { metadata: owned, ...workload } = aWorkload(1, 'train')
  into.workloads.set({ ...workload, metadata: { ...owned, namespace } })
  into.claims.set(placed(namespace, CLAIM))
  const metadata = { name: 'home-1', uid: 'config-uid' }
  into.configMaps.set(placed(namespace, { apiVersion: 'v1', kind: 'ConfigMap', metadata }))
}

for (const [namespace, count] of [
  ['team-a', 1],
  ['team-b', 0],
] as const) {
  t.test(`objects in ${namespace} that carry the uid of a job in team-a: ${count}`, async t => {
    const from = caches()
    from.jobs.set(aJob())
    put(namespace, from)
    const observed = gather(from, 'team-a/home', NOW)
    t.equal(observed?.pods.length, count, 'pods')
    t.equal(observed?.stageJobs.length, count, 'Jobs')
    t.equal(observed?.workloads.length, count, 'Workloads')
    t.equal(observed?.configMaps.length, count, 'ConfigMaps')
    t.equal(observed?.claim !== undefined, count === 1, 'claim')
  })
}

t.test('a job that is not there has nothing', async t => {
  t.equal(gather(caches(), 'team-a/home', NOW), undefined)
})

t.test('the claim of the output is whose ever it is, and of the namespace of the job', async t => {
  const from = caches()
  from.jobs.set(aJob())
  const { metadata } = OUTPUT_CLAIM
  from.claims.set({ ...OUTPUT_CLAIM, metadata: { ...metadata, namespace: 'team-b', uid: 'b' } })
  t.equal(gather(from, 'team-a/home', NOW)?.outputClaim, undefined)
  from.claims.set(OUTPUT_CLAIM)
  t.equal(gather(from, 'team-a/home', NOW)?.outputClaim?.metadata.uid, 'output-uid')
})
