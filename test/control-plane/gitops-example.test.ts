import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { validateManifest } from '@attune/crds/validate.ts'
import { repositoryFolder } from '../cluster/paths.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { tuningCluster } from '../fixtures/operator/tuning-cluster.ts'

const EXAMPLE = join(repositoryFolder, 'examples/gitops')
const folders = ['tenants', 'experiments'].flatMap(kind =>
  readdirSync(join(EXAMPLE, kind)).map(name => join(kind, name)),
)

const experimenting = readdirSync(join(EXAMPLE, 'experiments'))

const KINDS = 'itj,tex,instructiondatasets,jobs,pods,configmaps,persistentvolumeclaims,netpol'

type Object = { kind: string; metadata: { name: string; namespace?: string } }
type Kustomization = Object & { spec: { path: string } }

const built = (folder: string) => kubectl(['kustomize', join(EXAMPLE, folder)])
const objects = (text: string) => parseAllDocuments(text).map(document => document.toJS() as Object)

t.test('every overlay of the example repository', async t => {
  const namespace = await testNamespace(t)
  t.ok(folders.length >= 3)
  for (const folder of folders) {
    const text = await built(folder)
    t.strictSame(validateManifest(text, { mode: 'cluster' }).errors, [], `${folder}: is valid`)
    const owned = text.replaceAll(/^( *namespace:) .*$/gm, `$1 ${namespace}`)
    const apply = kubectl(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], owned)
    await t.resolves(apply, `${folder}: the API server takes it`)
  }
})

t.test('a tenant lives in the namespace that its folder names', async t => {
  for (const folder of folders.filter(name => name.startsWith('tenants'))) {
    const found = objects(await built(folder))
    const namespaces = new Set(found.map(({ metadata }) => `tenants/${metadata.namespace}`))
    t.strictSame([...namespaces], [folder])
  }
})

t.test("an experiment touches nothing of the tenant's", async t => {
  const names = (text: string) =>
    objects(text).map(({ kind, metadata }) => `${kind} ${metadata.name}`)
  const tenant = names(await built('tenants/team-a'))
  const experiments = names(await built('experiments/team-a'))
  t.strictSame(experiments, [
    'InstructionTuningJob home-automation-learning-rate',
    'TuningExperiment rank-1',
  ])
  t.notOk(tenant.some(name => experiments.includes(name)))
})

t.test('each experiment is built with those of its tenant, and alone', async t => {
  for (const tenant of experimenting) {
    const folder = join('experiments', tenant)
    const alone = await Promise.all(
      readdirSync(join(EXAMPLE, folder), { withFileTypes: true })
        .filter(entry => entry.isDirectory())
        .map(async ({ name }) => objects(await built(join(folder, name)))),
    )
    const together = objects(await built(folder))
    t.strictSame(alone.flat(), together)
    for (const { metadata } of together) t.equal(metadata.namespace, tenant)
  }
})

t.test('the last experiment can go: an empty list is built', async t => {
  const text = readFileSync(join(EXAMPLE, 'experiments/team-a/kustomization.yaml'), 'utf8')
  const folder = t.testdir({
    'kustomization.yaml': JSON.stringify({ ...(parse(text) as object), resources: [] }),
  })
  t.equal(await kubectl(['kustomize', folder]), '')
})

/** The garbage collector learns of a new kind of owner at most every 30 s. */
const COLLECTED = { timeoutMs: 180_000 }

for (const [overlay, cascade] of [
  ['tenants/team-a', 'background'],
  // as Argo CD deletes an Application with its finalizer
  ['experiments/team-a/learning-rate', 'foreground'],
] as const)
  t.test(`${overlay}: kubectl delete -k leaves nothing (${cascade})`, async t => {
    const cluster = await tuningCluster(t)
    const { namespace } = cluster
    await cluster.operator({ networkPolicyFrom: ['attune-system'] })
    const folder = t.testdir({
      'kustomization.yaml': JSON.stringify({
        apiVersion: 'kustomize.config.k8s.io/v1beta1',
        kind: 'Kustomization',
        namespace,
        resources: [relative(t.testdirName, join(EXAMPLE, overlay))],
      }),
    })
    const left = async () =>
      (await kubectl(['get', KINDS, '-n', namespace, '-o', 'name']))
        .split('\n')
        .filter(name => name !== '' && name !== 'configmap/kube-root-ca.crt')
    await kubectl(['apply', '-k', folder])
    await eventually(async () => {
      const made = await left()
      for (const kind of ['job.batch/', 'pod/', 'configmap/', 'networkpolicy.'])
        if (!made.some(name => name.startsWith(kind))) throw new Error(`no ${kind}: ${made.join()}`)
    })
    await kubectl(['delete', '-k', folder, `--cascade=${cascade}`, '--timeout=100s'])
    await eventually(async () => {
      const found = await left()
      if (found.length > 0) throw new Error(`left: ${found.join(', ')}`)
    }, COLLECTED)
  })

t.test('Flux has every tenant, and the experiments of each', t => {
  for (const kind of ['tenants', 'experiments']) {
    const text = readFileSync(join(EXAMPLE, `flux/${kind}.yaml`), 'utf8')
    const paths = objects(text)
      .filter(({ kind }) => kind === 'Kustomization')
      .map(object => (object as Kustomization).spec.path.replace('./', ''))
    t.strictSame(
      paths,
      folders.filter(name => name.startsWith(kind)),
    )
  }
  t.end()
})

t.test('the ConfigMap of Argo CD takes our patch', async t => {
  const namespace = await testNamespace(t)
  const at = ['configmap', 'argocd-cm', '-n', namespace]
  await kubectl(['create', ...at])
  const file = join(repositoryFolder, 'deploy/argocd/argocd-cm.yaml')
  await kubectl(['patch', ...at, '--type=merge', '--patch-file', file])
  const { data } = parse(await kubectl(['get', ...at, '-o', 'yaml'])) as { data: object }
  t.strictSame(data, (parse(readFileSync(file, 'utf8')) as { data: object }).data)
})
