import t from 'tap'
import type { InstructionDataset } from '../../../../operator/src/dataset/kinds.ts'
import type { InstructionTuningJob } from '../../../../operator/src/job/kinds.ts'
import { createStore } from '../../../../operator/src/kube/store.ts'
import { type GatherOptions, gather } from '../../../../operator/src/policy/gather.ts'
import { heldChanged } from '../../../../operator/src/policy/held.ts'
import type { TuningPolicy } from '../../../../operator/src/policy/kinds.ts'
import { decide as decideDataset } from '../../../../operator/src/dataset/decide.ts'
import { aDataset, observedDataset } from '../../../fixtures/operator/a-dataset.ts'
import { aStoredPolicy } from '../../../fixtures/operator/a-stored-policy.ts'
import { createStory } from '../../../fixtures/operator/story.ts'
import { CONFIG, NOW } from '../../../fixtures/operator/tuning-job.ts'

const short = aStoredPolicy()
const otherPolicy = (spec: object): TuningPolicy => {
  const policy = aStoredPolicy({ spec: { maxSequenceLength: 4096, ...spec } })
  return { ...policy, metadata: { ...policy.metadata, name: 'other' } }
}

type Objects = {
  readonly jobs?: readonly InstructionTuningJob[]
  readonly datasets?: readonly InstructionDataset[]
}

/** What is seen of the policy where it selects `team-a` alone. */
const gathered = (policy: TuningPolicy, { jobs = [], datasets = [] }: Objects) => {
  const stores = {
    jobs: createStore<InstructionTuningJob>(),
    datasets: createStore<InstructionDataset>(),
  }
  for (const job of jobs) stores.jobs.set(job)
  for (const dataset of datasets) stores.datasets.set(dataset)
  const options: GatherOptions = {
    ...stores,
    policies: {
      get: key => (key === policy.metadata.name ? policy : undefined),
      namespacesOf: () => ['team-a', 'team-empty'],
    },
    pace: { holdMs: () => 700 },
  }
  return gather(options, policy.metadata.name, NOW)
}

/** As the operator leaves a job that these policies do not allow. */
const heldBy = (...policies: readonly TuningPolicy[]) =>
  createStory()
    .happens(() => ({ policies }))
    .look().observed.job
const named = (job: InstructionTuningJob, name: string, namespace = 'team-a') => ({
  ...job,
  metadata: { ...job.metadata, name, namespace },
})

t.test('jobs are counted that wait for this policy, in its namespaces', async t => {
  const held = heldBy(short)
  const running = createStory().look().observed.job
  const jobs = [
    named(held, 'one'),
    named(held, 'two'),
    named(running, 'running'),
    named(held, 'elsewhere', 'team-b'),
  ]
  t.match(gathered(short, { jobs }), {
    policy: short,
    namespaces: 2,
    heldJobs: 2,
    heldDatasets: 0,
    holdMs: 700,
  })
  t.equal(gathered(otherPolicy({}), { jobs })?.heldJobs, 0, 'they wait for another one')
})

t.test(
  'a job that several policies hold back counts for each, however long the message',
  async t => {
    const entries = Array.from({ length: 40 }, (_, i) => `pvc://outputs-of-the-tenant-${i}/`)
    const many = otherPolicy({ allowedOutputs: entries })
    const jobs = [heldBy(many, short)]
    t.notMatch(JSON.stringify(jobs[0]?.status), 'TuningPolicy small', 'it is cut off')
    t.equal(gathered(many, { jobs })?.heldJobs, 1)
    t.equal(gathered(short, { jobs })?.heldJobs, 1)
  },
)

t.test('the name of a policy in what a tenant writes does not count', async t => {
  const output = { uri: 'pvc://models/a TuningPolicy small allows at most 256' }
  const none = otherPolicy({ allowedOutputs: [] })
  const story = createStory({ output, training: { sequenceLength: 128 } })
  const jobs = [story.happens(() => ({ policies: [none] })).look().observed.job]
  t.match(JSON.stringify(jobs[0]?.status), 'TuningPolicy small')
  t.equal(gathered(short, { jobs })?.heldJobs, 0)
  t.equal(gathered(none, { jobs })?.heldJobs, 1)
})

t.test('a policy that asks for less than before holds nothing back at once', async t => {
  const jobs = [heldBy(short)]
  t.equal(gathered(aStoredPolicy({ spec: { maxSequenceLength: 512 } }), { jobs })?.heldJobs, 0)
})

t.test('the sources of its dataset can hold a job back', async t => {
  const policy = aStoredPolicy({ spec: { maxSequenceLength: 512, allowedDatasetSources: [] } })
  const conditions = [
    {
      type: 'Ready',
      status: 'True' as const,
      reason: 'Prepared',
      message: '540 examples',
      observedGeneration: 1,
      lastTransitionTime: '2025-01-01T00:00:00Z',
    },
  ]
  const dataset = aDataset({
    status: {
      phase: 'Ready',
      observedGeneration: 1,
      contentHash: 'c'.repeat(64),
      preparedUri: 'pvc://pairs-dataset/curate/key',
      conditions,
    },
  })
  const story = createStory({ dataset: { ref: { name: 'pairs' } } })
  const jobs = [story.happens(() => ({ policies: [policy], dataset })).look().observed.job]
  t.match(story.condition('Stalled'), { reason: 'PolicyViolation' })
  t.equal(gathered(policy, { jobs, datasets: [dataset] })?.heldJobs, 1)
})

t.test('datasets are counted in the same way', async t => {
  const policy = aStoredPolicy({ spec: { allowedDatasetSources: [] } })
  const observed = { ...observedDataset(aDataset()), policies: [policy] }
  const { status } = decideDataset(observed, NOW, CONFIG)
  const datasets = [aDataset({ ...(status ? { status } : {}) })]
  t.match(gathered(policy, { datasets }), { heldJobs: 0, heldDatasets: 1 })
  t.equal(gathered(short, { datasets })?.heldDatasets, 0)
  t.equal(gathered(policy, { datasets: [aDataset()] })?.heldDatasets, 0, 'one that does not wait')
})

t.test('of a policy that is not there nothing is said', async t => {
  const options = { jobs: createStore(), datasets: createStore() }
  const policies = { get: () => undefined, namespacesOf: () => [] }
  t.equal(gather({ ...options, policies, pace: { holdMs: () => 0 } } as never, 'x', NOW), undefined)
})

t.test(
  'a change of a job matters where it is held, let go, or held for something else',
  async t => {
    const held = heldBy(short)
    const free = createStory().look().observed.job
    const heldOtherwise = heldBy(otherPolicy({ allowedMethods: [] }))
    t.equal(heldChanged({ after: held }), true)
    t.equal(heldChanged({ before: free, after: held }), true)
    t.equal(heldChanged({ before: held, after: free }), true)
    t.equal(heldChanged({ before: held }), true)
    t.equal(heldChanged({ before: held, after: heldOtherwise }), true)
    t.equal(heldChanged({ before: held, after: { ...held } }), false)
    t.equal(heldChanged({ before: free, after: free }), false)
    t.equal(heldChanged({ after: free }), false)
  },
)
