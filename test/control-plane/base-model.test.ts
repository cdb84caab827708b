import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { API_VERSION } from '../../crds/api-group.ts'
import { BASE_MODEL_KIND } from '../../crds/base-model.ts'
import type { BaseModelSpec } from '../../crds/base-model-spec.ts'
import { validateManifest } from '../../crds/validate.ts'
import type { Pod } from '../../operator/src/job/kinds.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { aBaseModel } from '../fixtures/crds/a-base-model.ts'
import { brokenFluxRules } from '../fixtures/operator/flux-rules.ts'
import { type TuningCluster, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'
import { aResult } from '../fixtures/operator/tuning-job.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples/base-models')

const manifest = (name: string, change: object = {}) => ({
  apiVersion: API_VERSION,
  kind: BASE_MODEL_KIND,
  metadata: { name },
  spec: { ...aBaseModel(name).spec, ...change },
})

/** Entries are of the whole cluster: each test has a license of its own, and so a catalogue of its own. */
const catalogueOf = (cluster: TuningCluster, t: { teardown(work: () => Promise<void>): void }) => {
  const license = cluster.namespace
  const named = (name: string) => `${cluster.namespace}-${name}`
  const made = new Set<string>()
  t.teardown(async () => {
    if (made.size > 0) await kubectl(['delete', 'basemodels', ...made, '--ignore-not-found'])
  })
  return {
    named,
    put: async (name: string, change: Partial<BaseModelSpec> = {}) => {
      made.add(named(name))
      const text = JSON.stringify(manifest(named(name), { license, ...change }))
      await kubectl(['apply', '--validate=strict', '-f', '-'], text)
    },
    ref: (name: string) => ({ model: { ref: { name: named(name) } } }),
    selector: {
      model: {
        selector: {
          require: { maxParameters: '1B', licenses: [license] },
          weights: { parameters: 1, 'benchmarks.ifeval': 2 },
        },
      },
    },
  }
}

const sourceOf = async (cluster: TuningCluster, run: number) => {
  const text = await kubectl([
    ...['get', 'configmap', `${cluster.name}-${run}`, '-n', cluster.namespace, '-o', 'json'],
  ])
  const { data } = JSON.parse(text) as { data: Record<string, string> }
  return JSON.parse(data['job.json'] ?? '').spec.model
}

t.test('entries', async t => {
  await tuningCluster(t)
  const verdict = (text: string) =>
    kubectl(['create', '--dry-run=server', '--validate=strict', '-f', '-'], text).then(
      () => '',
      (error: Error) => error.message,
    )

  await t.test('those of the examples are taken', async t => {
    for (const file of readdirSync(EXAMPLES))
      t.equal(await verdict(readFileSync(join(EXAMPLES, file), 'utf8')), '', file)
  })

  await t.test('the API server and the local check refuse the same', async t => {
    const refused: Readonly<Record<string, [object, RegExp]>> = {
      'no source': [{ source: undefined }, /spec\.source/],
      'a file of one machine': [{ source: { uri: 'file://m' } }, /spec\.source\.uri.*attune run/],
      'a token for another host': [
        { source: { uri: 'https://a.example/m', credentialsSecret: { name: 's' } } },
        /hf:\/\/ only/,
      ],
      'a count without a number': [{ parameters: 'many' }, /spec\.parameters/],
      'a negative count': [{ parameters: -1 }, /spec\.parameters.*negative/],
      'no architecture': [{ architecture: undefined }, /spec\.architecture/],
      'a figure in per cent': [{ benchmarks: { mmlu: 45.3 } }, /spec\.benchmarks\.mmlu/],
      'a language twice': [{ languages: ['en', 'en'] }, /spec\.languages/],
      'a dataset of the hub': [
        { source: { uri: 'hf://datasets/a/b' } },
        /spec\.source\.uri.*hf:\/\/owner\/name/,
      ],
      'a domain in capitals': [{ pretraining: { domains: ['Web'] } }, /spec\.pretraining\.domains/],
      'an unknown field': [{ licence: 'mit' }, /licence/],
    }
    for (const [name, [change, words]] of Object.entries(refused)) {
      const text = JSON.stringify(manifest('refused', change))
      t.match(await verdict(text), words, name)
      const [error] = validateManifest(text, { mode: 'cluster' }).errors
      t.match(`${error?.path} ${error?.message}`, words, `${name}: local`)
    }
  })

  await t.test('kubectl get shows the columns', async t => {
    const spec = { contextLength: 2048, license: 'mit', tuned: true }
    await kubectl(['apply', '-f', '-'], JSON.stringify(manifest('columns', spec)))
    t.teardown(() => kubectl(['delete', 'bm', 'columns']).then(() => {}))
    const [head, row] = (await kubectl(['get', 'bm', 'columns'])).split('\n')
    t.match(head, /^NAME +PARAMETERS +CONTEXT +LICENSE +TUNED +READY +REASON +AGE/)
    t.match(row, /^columns +135M +2048 +mit +true/)
  })
})

t.test('a reference', async t => {
  const cluster = await tuningCluster(t)
  const catalogue = catalogueOf(cluster, t)
  await cluster.operator()
  let pod: Pod | undefined

  await t.test('waits for the entry, and goes on when it comes', async t => {
    await cluster.submit(catalogue.ref('small'))
    const waiting = await cluster.until(
      ({ status }) => status?.conditions?.some(c => c.reason === 'WaitingForModel') ?? false,
      'it does not wait',
    )
    t.equal(waiting.status?.phase, 'Pending')
    t.strictSame(brokenFluxRules(waiting), [])
    await catalogue.put('small')
    pod = await cluster.kubelet.starts(1, 'prepare')
    t.strictSame(await sourceOf(cluster, 1), {
      source: { uri: `hf://models/${catalogue.named('small')}` },
    })
    await cluster.event('ModelChosen')
  })

  await t.test('keeps its source for the run, and the next run takes the new one', async t => {
    await catalogue.put('small', { source: { uri: 'hf://elsewhere/small' } })
    if (pod) await cluster.kubelet.ends(pod, 0, JSON.stringify(aResult('prepare')))
    for (const stage of ['train', 'evaluate', 'publish'] as const)
      await cluster.kubelet.succeeds(1, stage)
    const { status } = await cluster.phase('Succeeded')
    t.equal(status?.runs?.length, 1, 'a change of the catalogue starts no run')
    t.equal(status?.selection?.source?.uri, `hf://models/${catalogue.named('small')}`)
    await cluster.submit({ ...catalogue.ref('small'), training: { seed: 7 } })
    await cluster.kubelet.starts(2, 'prepare')
    t.strictSame(await sourceOf(cluster, 2), { source: { uri: 'hf://elsewhere/small' } })
  })
})

t.test('a selector', async t => {
  const cluster = await tuningCluster(t)
  const catalogue = catalogueOf(cluster, t)
  await catalogue.put('huge', { parameters: '7B' })
  await cluster.operator()

  await t.test('waits while nothing fits, and names the nearest', async t => {
    await cluster.submit(catalogue.selector)
    const { status } = await cluster.until(
      job => job.status?.conditions?.some(c => c.reason === 'NoModelFits') ?? false,
      'something fits',
    )
    const message = status?.conditions?.find(({ type }) => type === 'Reconciling')?.message
    t.match(message, `${catalogue.named('huge')} (parameters 7B, needs at most 1B)`)
    t.match(status?.selection?.rejected?.[0]?.name, catalogue.named('huge'))
    t.strictSame(await cluster.names('jobs'), [])
  })

  await t.test('goes on once one does', async t => {
    await catalogue.put('small')
    await cluster.kubelet.starts(1, 'prepare')
    const { status } = await cluster.phase('Preparing')
    t.equal(status?.selection?.baseModel, catalogue.named('small'))
    t.equal(status?.run, 1)
  })
})

t.test('a selector takes the best of what is there, and tells why', async t => {
  const cluster = await tuningCluster(t)
  const catalogue = catalogueOf(cluster, t)
  await catalogue.put('small', { benchmarks: { ifeval: 0.4 } })
  await catalogue.put('large', { parameters: '900M' })
  await catalogue.put('alien', { architecture: 'MambaForCausalLM' })
  await cluster.operator()
  await cluster.submit(catalogue.selector)
  await cluster.kubelet.starts(1, 'prepare')
  const { status } = await cluster.phase('Preparing')
  t.match(status?.selection, {
    baseModel: catalogue.named('small'),
    candidates: [
      { name: catalogue.named('small'), score: 0.666667 },
      { name: catalogue.named('large'), score: 0.333333 },
    ],
    rejected: [{ name: catalogue.named('alien') }],
  })
  const of = ['get', 'itj', cluster.name, '-n', cluster.namespace]
  t.match(await kubectl(of), `hf://models/${catalogue.named('small')} `, 'in the column MODEL')
  t.match(await kubectl([...of, '-o', 'wide']), ` ${catalogue.named('small')} `)
})
