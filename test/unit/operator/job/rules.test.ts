import t from 'tap'
import { gracePeriodSeconds } from '../../../../operator/src/job/grace-period.ts'
import { newestPod } from '../../../../operator/src/job/pod-state.ts'
import { newRun } from '../../../../operator/src/job/run.ts'
import { specProblem } from '../../../../operator/src/job/spec-rules.ts'
import { aJob, aPod, aResult, at, ended } from '../../../fixtures/operator/tuning-job.ts'

t.test('a spec that cannot work names the field and the value', async t => {
  const source = (uri: string, name?: string) => ({
    uri,
    ...(name ? { credentialsSecret: { name } } : {}),
  })
  const cases = {
    'spec.model.source.uri: file:///m': { model: { source: source('file:///m') } },
    'spec.dataset.sources[1].uri: file://b': {
      dataset: { sources: [source('hf://a/b'), source('file://b')] },
    },
    'spec.dataset.validation.sources[0].uri: file://v': {
      dataset: { sources: [source('hf://a/b')], validation: { sources: [source('file://v')] } },
    },
    'spec.output.uri: file://out': { output: { uri: 'file://out' } },
    'spec.output.uri: pvc://UPPER/x': { output: { uri: 'pvc://UPPER/x' } },
    'spec.model.source.uri: pvc://../x': { model: { source: source('pvc://../x') } },
    'spec.dataset.sources[0].credentialsSecret: two differs from one': {
      model: { source: source('hf://a/b', 'one') },
      dataset: { sources: [source('hf://a/c', 'two')] },
    },
  }
  for (const [problem, spec] of Object.entries(cases))
    t.match(specProblem(aJob({ spec }).spec!), problem)
  const model = { source: source('hf://a/b', 'one') }
  const dataset = { sources: [source('hf://a/c', 'one'), source('pvc://c.d/x')] }
  t.equal(specProblem(aJob({ spec: { model, dataset } }).spec!), undefined)
})

t.test('grace period', async t => {
  const run = newRun(1, 'hash', at(0))
  const measured = (microBatchSeconds: number) =>
    gracePeriodSeconds({
      ...run,
      training: { step: 1, totalSteps: 2, progress: '1/2', microBatchSeconds },
    })
  t.equal(gracePeriodSeconds(run), 60)
  t.equal(measured(0.1), 31)
  t.equal(measured(20.2), 71)
  t.equal(measured(1e6), 3600)
  const { plan } = aResult('prepare')
  t.equal(gracePeriodSeconds({ ...run, plan: plan! }), 60, '10 s a step are within it')
  t.equal(gracePeriodSeconds({ ...run, plan: { ...plan!, estimatedSeconds: 40_000 } }), 1030)
})

t.test('the newest pod', async t => {
  const pod = (name: string, createdAt: string, over = false) =>
    aPod(1, 'train', over ? ended(1) : { runningSince: at(0) }, { name, createdAt })
  t.equal(newestPod([]), undefined)
  t.equal(newestPod([pod('a', at(0)), pod('b', at(1))])?.metadata.name, 'b')
  const same = [pod('a', at(0), true), pod('b', at(0)), pod('c', at(0), true)]
  t.equal(newestPod(same)?.metadata.name, 'b', 'the one that runs')
  const over = [pod('a', at(0), true), pod('b', at(0), true)]
  t.equal(newestPod(over, 'a')?.metadata.name, 'a', 'the one known before')
  t.equal(newestPod(over.toReversed(), 'b')?.metadata.name, 'b')
})
