import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { DEFAULT_SETTINGS } from '../../deploy/components/operator-settings.ts'
import { tenantClusterRoles } from '../../deploy/components/tenant-cluster-roles.ts'
import { repositoryFolder } from '../cluster/paths.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { applied } from '../fixtures/policy/admission.ts'

const EXAMPLE = join(repositoryFolder, 'examples/gitops')
const ACCOUNT = 'tuning'
const tenants = readdirSync(join(EXAMPLE, 'tenants'))

type Subject = { kind: string; name: string; namespace: string }
type Object = {
  kind: string
  metadata: { name: string; namespace?: string }
  subjects?: readonly Subject[]
}
const objects = <T = Object>(text: string) =>
  parseAllDocuments(text).map(document => document.toJS() as T)
const inFile = <T>(path: string) => objects<T>(readFileSync(join(EXAMPLE, path), 'utf8'))
const built = (folder: string) => kubectl(['kustomize', join(EXAMPLE, folder)])

t.test('every tenant has a namespace and an account in it, and nothing elsewhere', async t => {
  t.strictSame(
    readdirSync(join(EXAMPLE, 'access')).filter(name => name !== 'base'),
    tenants,
  )
  for (const tenant of tenants) {
    const all = objects(await built(`access/${tenant}`))
    const subjects = all.flatMap(object => object.subjects ?? [])
    t.strictSame(
      [
        ...new Set(
          all.map(({ kind, metadata }) =>
            kind === 'Namespace' ? metadata.name : metadata.namespace,
          ),
        ),
      ],
      [tenant],
    )
    t.equal(subjects.length, 3)
    for (const subject of subjects)
      t.strictSame(subject, { kind: 'ServiceAccount', name: ACCOUNT, namespace: tenant })
    t.match(
      all.filter(({ kind }) => kind === 'ServiceAccount'),
      [{ metadata: { name: ACCOUNT } }],
    )
  }
})

type Kustomization = Object & {
  spec: {
    path: string
    serviceAccountName: string
    prune: boolean
    sourceRef: { kind: string; name: string; namespace?: string }
  }
}

t.test("Flux applies each tenant's folder in its namespace as its account", t => {
  const all = inFile<Kustomization>('flux/tenants.yaml')
  const sources = all.filter(({ kind }) => kind === 'GitRepository')
  t.strictSame(
    sources.map(({ metadata }) => metadata.namespace),
    tenants,
  )
  t.strictSame(
    all
      .filter(({ kind }) => kind === 'Kustomization')
      .map(({ metadata, spec: { path, serviceAccountName, sourceRef } }) => [
        metadata.namespace,
        path,
        serviceAccountName,
        sourceRef,
      ]),
    tenants.map(tenant => [
      tenant,
      `./tenants/${tenant}`,
      ACCOUNT,
      { kind: 'GitRepository', name: 'tuning' },
    ]),
  )
  t.end()
})

t.test('and its experiments in the same way', t => {
  const tenants = readdirSync(join(EXAMPLE, 'experiments'))
  t.strictSame(
    inFile<Kustomization>('flux/experiments.yaml').map(({ kind, metadata, spec }) => ({
      kind,
      namespace: metadata.namespace,
      path: spec.path,
      account: spec.serviceAccountName,
      prune: spec.prune,
      source: spec.sourceRef,
    })),
    tenants.map(tenant => ({
      kind: 'Kustomization',
      namespace: tenant,
      path: `./experiments/${tenant}`,
      account: ACCOUNT,
      prune: true,
      source: { kind: 'GitRepository', name: 'tuning' },
    })),
  )
  t.end()
})

t.test('the projects of Argo CD take what the tenants have, in their namespaces', async t => {
  type Destination = { server: string; namespace: string }
  type Project = Object & {
    spec: {
      destinations: readonly Destination[]
      clusterResourceWhitelist: readonly object[]
      namespaceResourceWhitelist: readonly { group: string; kind: string }[]
      destinationServiceAccounts: readonly (Destination & { defaultServiceAccount: string })[]
    }
  }
  const projects = inFile<Project>('argocd/projects.yaml')
  t.strictSame(
    projects.map(({ metadata }) => metadata.name),
    tenants.map(tenant => `tuning-${tenant}`),
  )
  type ApplicationSet = {
    spec: {
      generators: readonly { git: { directories: readonly { path: string }[] } }[]
      template: {
        spec: { project: string; destination: Destination; syncPolicy: { automated: object } }
      }
    }
  }
  for (const [file, directory, tenant] of [
    ['application-set', 'tenants/*', '.path.basename'],
    ['experiments', 'experiments/*/*', 'index .path.segments 1'],
  ] as const) {
    const [set] = inFile<ApplicationSet>(`argocd/${file}.yaml`)
    t.strictSame(set?.spec.generators[0]?.git.directories, [{ path: directory }])
    t.match(set?.spec.template.spec, {
      project: `tuning-{{ ${tenant} }}`,
      destination: { namespace: `{{ ${tenant} }}` },
      syncPolicy: { automated: { prune: true } },
    })
  }
  for (const [index, { spec }] of projects.entries()) {
    const tenant = tenants[index] ?? ''
    const destination = { server: 'https://kubernetes.default.svc', namespace: tenant }
    t.strictSame(spec.destinations, [destination])
    t.strictSame(spec.destinationServiceAccounts, [
      { ...destination, defaultServiceAccount: ACCOUNT },
    ])
    t.strictSame(spec.clusterResourceWhitelist, [])
    const kinds = spec.namespaceResourceWhitelist.map(({ kind }) => kind)
    const folders = [`tenants/${tenant}`, `experiments/${tenant}`]
    for (const folder of folders.filter(name => existsSync(join(EXAMPLE, name))))
      for (const { kind } of objects(await built(folder))) t.ok(kinds.includes(kind), kind)
  }
})

const ALL = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const READ = ['get', 'list', 'watch']
/** What docs/gitops.md says; kinds of the whole cluster are in no Role's reach, though a rule names them. */
const GRANTED: Readonly<Record<string, readonly string[]>> = {
  'attune.dev/basemodels': READ,
  'attune.dev/instructiondatasets': ALL,
  'attune.dev/instructiontuningjobs': ALL,
  'attune.dev/tuningexperiments': ALL,
  'attune.dev/tuningpolicies': READ,
  '/persistentvolumeclaims': ['create', 'get', 'list', 'patch', 'watch'],
}

type Rule = {
  readonly verbs: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
}

/** As the API server itself lists them, by `group/resource`. */
const rights = async (namespace: string, account: string) => {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace },
  }
  const as = `--as=system:serviceaccount:${namespace}:${account}`
  const { status } = JSON.parse(
    await kubectl(
      ['create', '--validate=false', '-f', '-', '-o', 'json', as],
      JSON.stringify(review),
    ),
  ) as { status: { resourceRules: readonly Rule[] } }
  const found: Record<string, string[]> = {}
  for (const { verbs, apiGroups = [], resources = [] } of status.resourceRules)
    for (const name of apiGroups.flatMap(group => resources.map(one => `${group}/${one}`)))
      found[name] = [...new Set([...(found[name] ?? []), ...verbs])].sort()
  return found
}

/** Beyond what any service account may. */
const granted = async (namespace: string) => {
  const anybody = await rights(namespace, 'default')
  return Object.fromEntries(
    Object.entries(await rights(namespace, ACCOUNT)).filter(([name]) => !(name in anybody)),
  )
}

/** Of an installation of our own, and taken into no role that other tests look at. */
const installRoles = (t: Test, namespace: string) =>
  applied(
    t,
    tenantClusterRoles({ ...DEFAULT_SETTINGS, namespace }).map(({ metadata: { name }, rules }) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules,
    })),
  )

t.test('a commit can do what the docs say, and nothing else', async t => {
  const namespace = await testNamespace(t)
  const other = await testNamespace(t)
  await installRoles(t, namespace)
  const ours = (text: string) =>
    text.replaceAll('attune-system-attune-', `${namespace}-attune-`).replaceAll('team-a', namespace)
  await kubectl(['apply', '-f', '-'], ours(await built('access/team-a')))
  await eventually(async () => {
    const found = await granted(namespace)
    if (!isDeepStrictEqual(found, GRANTED)) throw new Error(`it may ${JSON.stringify(found)}`)
  })

  const as = `--as=system:serviceaccount:${namespace}:${ACCOUNT}`
  // validating on this side takes the right to list CRDs
  const apply = ['apply', '--validate=false', '-f', '-', as]
  const commit = (text: string) => kubectl([...apply, '--server-side'], text)
  const tenant = ours(await built('tenants/team-a'))
  await t.resolves(commit(tenant), 'its folder is applied')
  await t.resolves(kubectl(apply, ours(await built('experiments/team-a'))))
  await t.resolves(kubectl(['delete', 'itj,tex', '--all', '-n', namespace, as]), 'and pruned')

  const refused = { message: /is forbidden: User ".*" cannot (patch|delete|list) resource/ }
  await t.rejects(commit(tenant.replaceAll(namespace, other)), refused, 'elsewhere')
  await t.rejects(kubectl(['delete', 'pvc', 'models', '-n', namespace, as]), refused, 'data')
  const object = (apiVersion: string, kind: string, spec: object) =>
    JSON.stringify({ apiVersion, kind, metadata: { name: namespace, namespace }, spec })
  for (const text of [
    object('networking.k8s.io/v1', 'NetworkPolicy', { podSelector: {}, egress: [{}] }),
    object('v1', 'Namespace', {}),
    object('v1', 'Secret', {}),
    object('attune.dev/v1alpha1', 'TuningPolicy', {}),
    object('rbac.authorization.k8s.io/v1', 'Role', {}),
  ])
    await t.rejects(commit(text), refused, text)
  for (const kind of ['basemodels.attune.dev', 'tuningpolicies.attune.dev', 'secrets'])
    await t.rejects(kubectl(['get', kind, '-n', namespace, as]), refused, `to read ${kind}`)
})
