import { API_VERSION } from '@attune/crds/api-group.ts'
import type { JobFile } from '@attune/crds/stage.ts'
import t from 'tap'
import { TuningExperiments } from '../../operator/src/experiment/kinds.ts'
import { ConfigMaps, StageJobs } from '../../operator/src/job/kinds.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { datasetCluster } from '../fixtures/operator/dataset-cluster.ts'
import { scored } from '../fixtures/operator/experiment-cluster.ts'
import { createKubelet } from '../fixtures/operator/tuning-cluster.ts'
import { SPEC } from '../fixtures/operator/tuning-job.ts'
import { watchHistory } from '../fixtures/operator/watch-history.ts'

const TRIALS = [1, 2, 3]

t.test('trials that share a dataset wait for it, and it is read once for all of them', async t => {
  const cluster = await datasetCluster(t)
  const { client, namespace } = cluster
  const stageJobs = await watchHistory(t, { client, kind: StageJobs, namespace })
  const nameOf = (trial: number) => `search-trial-${trial}`
  await cluster.operator()
  const experiment = {
    apiVersion: API_VERSION,
    kind: 'TuningExperiment',
    metadata: { name: 'search', namespace },
    spec: {
      template: { ...SPEC, dataset: { ref: { name: 'pairs' } } },
      parameters: [{ path: 'training.learningRate', values: [0.0001, 0.0002, 0.0003] }],
      strategy: { type: 'Grid' },
      parallelTrials: TRIALS.length,
    },
  }
  await kubectl(['apply', '-f', '-'], JSON.stringify(experiment))
  await cluster.untilJob(nameOf(1), ({ status }) =>
    status?.conditions?.some(
      ({ type, reason }) => type === 'DatasetReady' && reason === 'WaitingForDataset',
    ),
  )
  await cluster.submit()
  await cluster.ends(await cluster.curates())
  const { status: dataset } = await cluster.ready()

  const fileOf = async (trial: number) => {
    const ref = { name: `${nameOf(trial)}-1`, namespace }
    const { data } = await eventually(() => client.get(ConfigMaps, ref))
    return (JSON.parse(data?.['job.json'] ?? '{}') as JobFile).spec.dataset
  }
  for (const trial of TRIALS)
    t.match(await fileOf(trial), {
      curated: { uri: dataset?.preparedUri, contentHash: dataset?.contentHash },
    })
  for (const trial of TRIALS) {
    const kubelet = createKubelet(client, namespace, nameOf(trial))
    await kubelet.succeeds(1, 'prepare')
    await kubelet.succeeds(1, 'train')
    await kubelet.succeeds(1, 'evaluate', scored(trial / 10))
  }
  await createKubelet(client, namespace, nameOf(3)).succeeds(2, 'publish')
  await eventually(async () => {
    const { status } = await client.get(TuningExperiments, { name: 'search', namespace })
    if (status?.phase !== 'Succeeded') throw new Error(JSON.stringify(status))
  })
  const curated = stageJobs.filter(({ metadata }) => metadata.name.endsWith('-curate'))
  t.equal(new Set(curated.map(({ metadata }) => metadata.uid)).size, 1)
})
