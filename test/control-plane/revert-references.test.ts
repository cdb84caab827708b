import { API_VERSION } from '@attune/crds/api-group.ts'
import { BASE_MODEL_KIND } from '@attune/crds/base-model.ts'
import t from 'tap'
import { BaseModels } from '../../operator/src/base-model/kinds.ts'
import { Claims } from '../../operator/src/job/kinds.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { aBaseModel } from '../fixtures/crds/a-base-model.ts'
import { datasetCluster } from '../fixtures/operator/dataset-cluster.ts'
import { mirrored } from '../fixtures/operator/mirrored.ts'
import { applied } from '../fixtures/policy/admission.ts'

const STAGES = ['prepare', 'train', 'evaluate', 'publish'] as const

const outputClaim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'models' },
  spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } },
}

t.test('a revert of a job whose model and dataset are references', async t => {
  const cluster = await datasetCluster(t)
  const { namespace, kubelet, name } = cluster
  const model = `${namespace}-small`
  const entry = (uri: string) => ({
    apiVersion: API_VERSION,
    kind: BASE_MODEL_KIND,
    metadata: { name: model },
    spec: { ...aBaseModel(model).spec, source: { uri } },
  })
  const commit = (seed: number) =>
    cluster.submitJob(name, { model: { ref: { name: model } }, training: { seed } })
  const succeeded = (run: number) =>
    cluster.untilJob(name, ({ status }) => status?.run === run && status.phase === 'Succeeded')
  await applied(t, [entry('hf://models/small')])
  await kubectl(['create', '-n', namespace, '-f', '-'], JSON.stringify(outputClaim))
  const claims = await mirrored(t, cluster.client, Claims, namespace)
  const models = await mirrored(t, cluster.client, BaseModels)
  await cluster.operator()
  await cluster.submit()
  await cluster.ends(await cluster.curates())
  await cluster.ready()

  await commit(1)
  for (const stage of STAGES) await kubelet.succeeds(1, stage)
  const first = await succeeded(1)
  await commit(2)
  for (const stage of STAGES.slice(1)) await kubelet.succeeds(2, stage, { digest: `2-${stage}` })
  await succeeded(2)

  await t.test('finds the earlier run and is Ready without training', async t => {
    await commit(1)
    const { status } = await succeeded(3)
    const run = status?.runs?.at(-1)
    t.ok(run?.stages.every(({ state }) => state === 'Skipped'))
    t.match(run, { content: { dataset: 'pairs' }, model: { baseModel: model } })
    t.strictSame(status?.artifacts, first.status?.artifacts)
    await cluster.kubectl('wait', '--for=condition=Ready', `itj/${name}`, '--timeout=60s')
    for (const stage of STAGES) t.strictSame(await kubelet.podsOf(3, stage), [])
    await cluster.event(name, 'ArtifactsReused', /run 1 has published the same spec/)
  })

  await t.test('is made anew where the claim of its output is gone, and says so', async t => {
    await commit(2)
    await succeeded(4)
    await cluster.kubectl('delete', 'pvc', 'models', '--timeout=120s')
    await claims.until(all => !all.some(({ metadata }) => metadata.name === 'models'))
    await commit(1)
    await kubelet.succeeds(5, 'publish')
    const { status } = await succeeded(5)
    t.equal(status?.runs?.at(-1)?.stages.at(-1)?.state, 'Succeeded')
    await cluster.event(name, 'ArtifactsLost', /^run 5: .* volume claim models is not there/)
  })

  await t.test('starts over where a reference stands for something else', async () => {
    await kubectl(['apply', '-f', '-'], JSON.stringify(entry('hf://models/other')))
    await models.until(all =>
      all.some(
        ({ metadata, spec }) => metadata.name === model && spec?.source.uri === 'hf://models/other',
      ),
    )
    await commit(2)
    await kubelet.starts(6, 'prepare')
    await cluster.untilJob(name, ({ status }) => status?.phase === 'Preparing')
  })
})
