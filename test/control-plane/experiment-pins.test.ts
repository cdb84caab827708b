import type { Stage } from '@attune/crds/stage.ts'
import t from 'tap'
import { TuningExperiments } from '../../operator/src/experiment/kinds.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { datasetCluster } from '../fixtures/operator/dataset-cluster.ts'
import { scored } from '../fixtures/operator/experiment-cluster.ts'
import { createKubelet } from '../fixtures/operator/tuning-cluster.ts'
import { SPEC } from '../fixtures/operator/tuning-job.ts'

const RUNG = ['prepare', 'train', 'evaluate'] as const

t.test('a dataset that is edited meanwhile changes nothing of an experiment', async t => {
  const cluster = await datasetCluster(t)
  const { client, namespace } = cluster
  const nameOf = (trial: number) => `search-trial-${trial}`
  const kubeletOf = (trial: number) => createKubelet(client, namespace, nameOf(trial))
  /** The stage's pod may run before its start is told. */
  const runOf = async (trial: number, number: number, stage: Stage) => {
    const { status } = await cluster.untilJob(nameOf(trial), job => {
      const run = job.status?.runs?.at(-1)
      const state = run?.stages.find(({ name }) => name === stage)?.state
      return run?.number === number && state !== undefined && state !== 'Pending'
    })
    return status?.runs?.at(-1)
  }
  await cluster.operator()
  await cluster.submit()
  await cluster.ends(await cluster.curates())
  const { status: first } = await cluster.ready()
  const manifest = {
    apiVersion: 'attune.dev/v1alpha1',
    kind: 'TuningExperiment',
    metadata: { name: 'search', namespace },
    spec: {
      template: { ...SPEC, dataset: { ref: { name: 'pairs' } }, training: { maxSteps: 40 } },
      parameters: [{ path: 'training.learningRate', values: [0.0001, 0.001] }],
      strategy: { type: 'SuccessiveHalving', minSteps: 20, reductionFactor: 2 },
      maxTrials: 2,
    },
  }
  await kubectl(['apply', '-f', '-'], JSON.stringify(manifest))
  for (const stage of RUNG)
    await kubeletOf(1).succeeds(1, stage, stage === 'evaluate' ? scored(0.8) : {})

  await t.test('a trial that starts after the edit has the content of the first one', async t => {
    await cluster.submit({ systemPrompt: 'Be brief.' })
    const pod = await cluster.curates(2)
    t.strictSame(await cluster.kept(), [first?.key], 'which the dataset keeps')
    await cluster.ends(pod, { digest: 'd'.repeat(64) })
    await cluster.ready(2)
    await kubeletOf(2).succeeds(1, 'prepare')
    t.equal((await runOf(2, 1, 'prepare'))?.content?.contentHash, first?.contentHash)
    await kubeletOf(2).succeeds(1, 'train')
    await kubeletOf(2).succeeds(1, 'evaluate', scored(0.4))
  })

  await t.test('the next rung goes on from its checkpoint', async t => {
    await kubeletOf(1).succeeds(2, 'train', { digest: 'whole' })
    const run = await runOf(1, 2, 'train')
    t.equal(run?.content?.contentHash, first?.contentHash)
    t.match(run?.stages[0], { name: 'prepare', state: 'Skipped', fromRun: 1 })
    await kubeletOf(1).succeeds(2, 'evaluate', { digest: 'whole', ...scored(0.9) })
  })

  await t.test('and what was scored is published', async t => {
    await kubeletOf(1).succeeds(3, 'publish')
    await eventually(async () => {
      const { status } = await client.get(TuningExperiments, { name: 'search', namespace })
      if (status?.phase !== 'Succeeded') throw new Error(JSON.stringify(status))
      t.match(status.best, { trial: 1, score: 0.9 })
    })
    const run = await runOf(1, 3, 'publish')
    t.equal(run?.content?.contentHash, first?.contentHash)
    t.strictSame(
      run?.stages.map(({ state }) => state),
      ['Skipped', 'Skipped', 'Skipped', 'Succeeded'],
    )
  })
})
