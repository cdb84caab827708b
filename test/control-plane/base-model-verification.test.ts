import t from 'tap'
import { API_VERSION } from '../../crds/api-group.ts'
import { BASE_MODEL_KIND } from '../../crds/base-model.ts'
import type { BaseModelSpec } from '../../crds/base-model-spec.ts'
import { AttuneOperator } from '../../deploy/components/attune-operator.ts'
import { kubernetesObjects, registeredBy } from '../../deploy/render.ts'
import { type BaseModel, BaseModels, knownProblem } from '../../operator/src/base-model/kinds.ts'
import { silentLog } from '../../operator/src/kube/log.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { aBaseModel } from '../fixtures/crds/a-base-model.ts'
import { startHub } from '../fixtures/hub/hub-server.ts'
import { brokenFluxRules } from '../fixtures/operator/flux-rules.ts'
import { mirrored } from '../fixtures/operator/mirrored.ts'
import { asServiceAccount, untilMay } from '../fixtures/operator/service-account.ts'
import { type TuningCluster, tuningCluster } from '../fixtures/operator/tuning-cluster.ts'
import { applied } from '../fixtures/policy/admission.ts'

const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const LLAMA = JSON.stringify({ architectures: ['LlamaForCausalLM'], model_type: 'llama' })
const MAMBA = JSON.stringify({ architectures: ['MambaForCausalLM'], model_type: 'mamba' })
const repo = (name: string, config: string, more: object = {}) =>
  ({ type: 'model', name, commit: COMMIT, files: { 'config.json': config }, ...more }) as const

const hub = await startHub([
  repo('org/good', LLAMA, { parameters: 134_515_008 }),
  repo('org/gated', LLAMA, { gated: true }),
  repo('org/other', MAMBA),
  repo('org/busy', LLAMA, { busy: true }),
])
t.teardown(hub.close)

/** It may do what its ClusterRole says, as in an installation. */
const verifyingOperator = async (t: { teardown(work: () => unknown): void }) => {
  const cluster = await tuningCluster(t)
  const home = await testNamespace(t)
  const installed = kubernetesObjects(
    await registeredBy(() => new AttuneOperator('attune', { namespace: home })),
  )
  const kinds = ['Role', 'RoleBinding', 'ServiceAccount', 'ClusterRole', 'ClusterRoleBinding']
  await applied(
    t as never,
    Object.entries(installed)
      .filter(([name, { kind }]) => kinds.includes(kind) && name.endsWith('operator'))
      .map(([, object]) => object),
  )
  const connection = await asServiceAccount(cluster.connection, home, 'attune-operator')
  await untilMay(home, 'attune-operator', 'list', 'basemodels.attune.dev')
  const config = { verifyCatalogue: true, hubEndpoint: hub.url, leaderNamespace: home }
  const operator = await cluster.operator(config, silentLog, connection)
  return { cluster, operator }
}

const catalogueOf = ({ namespace }: TuningCluster) => {
  const named = (name: string) => `${namespace}-${name}`
  const get = async (name: string) =>
    JSON.parse(await kubectl(['get', 'basemodel', named(name), '-o', 'json'])) as BaseModel
  return {
    named,
    get,
    put: (name: string, uri: string, change: Partial<BaseModelSpec> = {}) => {
      const { spec } = aBaseModel(name, { source: { uri }, license: namespace, ...change })
      const metadata = { name: named(name) }
      const object = { apiVersion: API_VERSION, kind: BASE_MODEL_KIND, metadata, spec }
      return kubectl(['apply', '--validate=strict', '-f', '-'], JSON.stringify(object))
    },
    /** Waits until the latest spec is judged so. */
    judged: (name: string, reason: string) =>
      eventually(async () => {
        const model = await get(name)
        const { metadata, status } = model
        const verified = status?.conditions?.find(({ type }) => type === 'Verified')
        if (status?.observedGeneration !== metadata.generation || verified?.reason !== reason)
          throw new Error(`${name} is not ${reason}: ${JSON.stringify(status)}`)
        return model
      }),
    /** Events of an object of the cluster are in the namespace `default`. */
    event: (name: string, reason: string) =>
      eventually(async () => {
        const selector = `involvedObject.name=${named(name)},reason=${reason}`
        const of = ['get', 'events', '-n', 'default', '--field-selector', selector, '-o', 'json']
        const { items } = JSON.parse(await kubectl(of)) as { items: { type: string }[] }
        if (!items[0]) throw new Error(`no Event ${reason} of ${name}`)
        return items[0]
      }),
  }
}

t.test('a catalogue is verified', async t => {
  const { cluster, operator } = await verifyingOperator(t)
  const catalogue = catalogueOf(cluster)
  const { named, put, judged } = catalogue
  const NAMES = ['good', 'gated', 'other', 'lost', 'volume', 'silent']
  t.teardown(() => kubectl(['delete', 'bm', ...NAMES.map(named), '--ignore-not-found']))

  await t.test('one that the hub shows', async t => {
    await put('good', 'hf://org/good')
    const model = await judged('good', 'Verified')
    t.match(model.status, {
      revision: COMMIT,
      architecture: 'LlamaForCausalLM',
      parameters: 134_515_008,
      lastVerificationTime: /Z$/,
    })
    t.strictSame(brokenFluxRules(model as never), [])
    const [head, row] = (await kubectl(['get', 'bm', named('good')])).split('\n')
    t.match(head, /^NAME +PARAMETERS +CONTEXT +LICENSE +TUNED +READY +REASON +AGE/)
    t.match(row, /^\S+ +135M .* True +Verified /)
    t.match(await catalogue.event('good', 'Verified'), { type: 'Normal' })
  })

  await t.test('applied again it stays as it is', async t => {
    const { metadata } = await catalogue.get('good')
    // other tests have entries too
    const asked = () => hub.requests.filter(({ url }) => url.includes('org/good')).length
    const before = asked()
    t.match(await put('good', 'hf://org/good'), /unchanged/)
    const after = await catalogue.get('good')
    t.equal(after.metadata.resourceVersion, metadata.resourceVersion)
    t.equal(asked(), before)
  })

  await t.test('those that cannot be used are stalled, the others ready', async t => {
    await put('lost', 'hf://org/good@v9', { parameters: '900M' })
    await put('other', 'hf://org/other', { parameters: '800M' })
    await put('gated', 'hf://org/gated', { parameters: '10M' })
    await put('volume', 'pvc://models/small', { parameters: '20M' })
    for (const [name, reason, ready] of [
      ['lost', 'SourceNotFound', 'False'],
      ['other', 'ModelUnsupported', 'False'],
      ['gated', 'SourceForbidden', 'True'],
      ['volume', 'NotVerifiable', 'True'],
    ] as const) {
      const model = await judged(name, reason)
      t.strictSame(brokenFluxRules(model as never), [], name)
      await kubectl(['wait', 'bm', named(name), `--for=condition=Ready=${ready}`, '--timeout=60s'])
    }
    t.match(await catalogue.event('lost', 'SourceNotFound'), { type: 'Warning' })
  })

  await t.test('a selector takes none that cannot be used, and says so', async t => {
    const models = await mirrored(t, cluster.client, BaseModels)
    await models.until(all => {
      const bad = all.filter(model => knownProblem(model)).map(({ metadata }) => metadata.name)
      return ['lost', 'other'].every(name => bad.includes(named(name)))
    })
    const weights = { parameters: 1 }
    await cluster.submit({
      model: { selector: { require: { licenses: [cluster.namespace] }, weights } },
    })
    await cluster.kubelet.starts(1, 'prepare')
    const { selection } = (await cluster.phase('Preparing')).status ?? {}
    t.equal(selection?.baseModel, named('good'))
    t.equal(selection?.candidates?.length, 3, 'what is not known is chosen from')
    const rejected = Object.fromEntries(
      selection?.rejected?.map(({ name, reasons }) => [name, reasons]) ?? [],
    )
    t.match(rejected, {
      [named('lost')]: [/does not exist \(HTTP 404\)/],
      [named('other')]: [/model_type "mamba"/],
    })
  })

  await t.test('an edit is verified at once', async t => {
    await put('lost', 'hf://org/good')
    const { metadata, status } = await judged('lost', 'Verified')
    t.equal(status?.observedGeneration, metadata.generation)
    t.notOk(status?.conditions?.some(({ type }) => type === 'Stalled'))
  })

  await t.test('a hub that does not answer is asked again', async t => {
    await put('silent', 'hf://org/busy')
    const model = await judged('silent', 'SourceUnreachable')
    t.strictSame(brokenFluxRules(model as never), [])
    t.match(
      model.status?.conditions?.find(({ type }) => type === 'Reconciling'),
      { status: 'True', message: 'hf://org/busy: the hub answers HTTP 503' },
    )
  })

  await t.test('one that is deleted is gone at once, and the run keeps its source', async t => {
    await kubectl(['delete', 'bm', named('good'), '--timeout=60s'])
    const { status } = await cluster.get()
    t.equal(status?.selection?.source?.uri, `hf://org/good@${COMMIT}`)
  })

  await t.test('it asks for nothing that it may not have, and shows no token', async t => {
    const text = await (await fetch(`http://127.0.0.1:${operator.metricsPort}/metrics`)).text()
    const requests = text.split('\n').filter(line => /^attune_operator_api_requests/.test(line))
    t.ok(requests.some(line => /resource="basemodels\/status".*code="200"/.test(line)))
    t.strictSame(
      requests.filter(line => /code="40[13]"/.test(line)),
      [],
    )
    t.match(text, /attune_operator_hub_looks_total\{outcome="ConfigRead"\} [1-9]/)
    t.ok(hub.requests.every(({ authorization }) => authorization === undefined))
  })
})
