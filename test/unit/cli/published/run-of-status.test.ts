import t from 'tap'
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { compareRuns } from '../../../../cli/src/published/compare-runs.ts'
import { filesOf, runOfStatus } from '../../../../cli/src/published/run-of-status.ts'
import { createStory } from '../../../fixtures/operator/story.ts'

const STAGES = ['prepare', 'train', 'evaluate', 'publish'] as const
const FIRST = { training: { seed: 1 } }

const succeed = (story: ReturnType<typeof createStory>, run: number) => {
  for (const stage of STAGES) story.succeeds(run, stage, { digest: `${run}-${stage}` })
  return story
}
/** Run 2 is published, run 3 takes over what run 1 made. */
const reverted = () => {
  const story = succeed(createStory(FIRST).look(), 1)
  return succeed(story.edit({ training: { seed: 2 } }).look(), 2)
    .edit(FIRST)
    .look().observed.job
}
const specs: Readonly<Record<number, object>> = {
  1: { training: { seed: 1 } },
  2: { training: { seed: 2 } },
}
const specOf = (run: number) => specs[run]

t.test("a run that took over the artifacts of another has that one's spec", async t => {
  const job = reverted()
  t.strictSame(filesOf(job, 3), [3, 1])
  const { spec, score } = compareRuns(runOfStatus(job, 2, specOf), runOfStatus(job, 3, specOf))
  t.strictSame(spec, [{ name: 'training.seed', before: '2', after: '1' }])
  t.strictSame(score, { name: 'score', before: 0.9, after: 0.9 })
})

t.test('the current run has the spec of the job where its file is gone', async t => {
  const job = reverted()
  t.match(runOfStatus(job, 3, () => undefined).spec, { training: { seed: 1 } })
  t.throws(() => runOfStatus(job, 2, () => undefined), {
    message: /spec of run-2 is not known any more: its ConfigMap home-2 is gone/,
  })
})

t.test('runs are compared after the time to live, too', async t => {
  const lasting = { ttlSecondsAfterFinished: 60 }
  const story = succeed(createStory({ ...FIRST, ...lasting }).look(), 1)
  succeed(story.edit({ training: { seed: 2 } }).look(), 2)
    .wait(60)
    .look()
  t.strictSame(story.observed.stageJobs, [], 'its Jobs are gone')
  const stored = (run: number) => {
    const name = `home-${run}`
    if (!story.observed.configMaps.some(({ metadata }) => metadata.name === name)) return undefined
    const { data } = story.manifest(name) as { data: { 'job.json': string } }
    return (JSON.parse(data['job.json']) as { spec: object }).spec
  }
  const { job } = story.observed
  const { spec } = compareRuns(runOfStatus(job, 1, stored), runOfStatus(job, 2, stored))
  t.match(
    spec.find(({ name }) => name === 'training.seed'),
    { before: '1', after: '2' },
  )
})

const failed = (change: Partial<RunStatus>) => {
  const job = reverted()
  const runs = job.status?.runs?.map(run => (run.number === 2 ? { ...run, ...change } : run))
  return { ...job, status: { ...job.status, runs: runs ?? [] } }
}

t.test('a run that failed its gates is compared', async t => {
  const job = failed({ phase: 'Failed', reason: 'GatesNotPassed' })
  t.equal(runOfStatus(job, 2, specOf).score, 0.9)
})

t.test('a run that left nothing to compare says so', async t => {
  const { evaluation: _, ...run } = reverted().status?.runs?.[1] ?? {}
  const without = (change: Partial<RunStatus>) => {
    const job = failed({})
    const runs = job.status.runs.map(other =>
      other.number === 2 ? ({ ...run, ...change } as RunStatus) : other,
    )
    return { ...job, status: { ...job.status, runs } }
  }
  const ended = without({ phase: 'Failed', reason: 'OutOfMemory' })
  t.throws(() => runOfStatus(ended, 2, specOf), {
    message: 'run-2 ended as OutOfMemory, without an evaluation: there is nothing to compare',
  })
  t.throws(() => runOfStatus(failed({}), 7, specOf), {
    message: /run-7 is not in status\.runs \(there: run-1, run-2, run-3\)/,
  })
})

t.test('data are compared by content', async t => {
  const content = (contentHash: string) => ({
    content: { dataset: 'pairs', datasetUid: 'uid', contentHash, uri: 'pvc://pairs-dataset/x' },
  })
  const before = runOfStatus(failed(content('a'.repeat(64))), 2, specOf)
  const after = runOfStatus(failed(content('b'.repeat(64))), 2, specOf)
  t.match(compareRuns(before, after).data, [{ name: 'InstructionDataset pairs' }])
  t.strictSame(compareRuns(before, before).data, [])
})
