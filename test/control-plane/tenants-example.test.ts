import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tenantRoles } from '@attune/crds/tenant-roles.ts'
import t from 'tap'
import { repositoryFolder } from '../cluster/paths.ts'
import { startSharedControlPlane } from '../cluster/shared-control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { admission, list } from '../fixtures/policy/admission.ts'

const EXAMPLE = join(repositoryFolder, 'examples/tenants')
const QUEUE_CRDS = fileURLToPath(new URL('../fixtures/kueue/queue-crds.yaml', import.meta.url))
const QUEUE_KINDS = 'resourceflavors,clusterqueues,localqueues,workloadpriorityclasses'
const OWN = {
  'team-a': 'team-a/job.yaml',
  'team-b': 'team-b/experiment.yaml',
  'team-c': 'team-c/job.yaml',
} as const
const TEAMS = Object.keys(OWN) as readonly (keyof typeof OWN)[]

/** Of the chart, as it names them in attune-system. */
const installation = () => [
  ...tenantRoles().map(({ name, labels, rules }) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: `attune-system-attune-${name}`, labels },
    rules,
  })),
  ...admission('attune-system-attune-tuning-policies', 'tuning-policies'),
  ...admission('attune-system-attune-experiment-policies', 'experiment-policies'),
]

const text = (file: string) => readFileSync(join(EXAMPLE, file), 'utf8')

// names in it are fixed, and Kueue's group must not appear where another test says that it is absent
const plane = await startSharedControlPlane()
t.teardown(plane.stop)
const at = (args: readonly string[], stdin?: string) =>
  kubectl(args, stdin, { kubeconfig: plane.kubeconfig })
const as = (team: string) => ['--as=somebody', `--as-group=${team}`]
/** What somebody of that team is told; nothing is stored. */
const tries = (team: string, manifest: string) =>
  at(['apply', ...as(team), '--dry-run=server', '--validate=strict', '-f', '-'], manifest)

const refused = (team: string, manifest: string, words: RegExp) =>
  eventually(async () => {
    const answer = await tries(team, manifest).catch((error: Error) => error.message)
    if (!words.test(answer)) throw new Error(`told: ${answer}`)
  })

t.before(async () => {
  await at(['apply', '--server-side', '-f', QUEUE_CRDS])
  // what discovery serves comes a moment after the CRDs
  await eventually(() => at(['get', QUEUE_KINDS, '--all-namespaces']))
  await at(['apply', '--server-side', '-f', '-'], list(installation()))
})

t.test("the API server takes Kueue's objects of every example, and no others", async t => {
  for (const file of ['cluster.yaml', 'tenant.yaml']) {
    const of = join(repositoryFolder, 'examples/kueue', file)
    // the namespace of a tenant is made by the same file
    const namespaced = readFileSync(of, 'utf8').replaceAll(
      'namespace: team-a',
      'namespace: default',
    )
    await t.resolves(at(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], namespaced))
  }
  const wrong = text('cluster/queues.yaml').replace('cohortName: tuning', 'cohort: tuning')
  const apply = at(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], wrong)
  await t.rejects(apply, /unknown field "spec.cohort"/)
})

t.test('the steps of the walk-through', async t => {
  const apply = ['apply', '--validate=strict', '-f']
  await t.resolves(at([...apply, join(EXAMPLE, 'cluster')]), 'for the whole cluster')
  for (const team of TEAMS) {
    await t.resolves(at([...apply, join(EXAMPLE, team, 'tenant.yaml')]), `for ${team}`)
    // aggregated roles and the quota's first count follow a moment later
    await t.resolves(
      eventually(() => tries(team, text(OWN[team]))),
      `${team} may apply what is its own`,
    )
  }
})

t.test('nobody applies in the namespace of another', async t => {
  await t.rejects(tries('team-b', text(OWN['team-a'])), /Forbidden.*"team-a"/s)
  await t.rejects(tries('team-c', text('team-c/tenant.yaml')), /Forbidden/)
})

t.test('each kind of tenant is held to its own policy', async t => {
  const job = text(OWN['team-c'])
  const gpu = job.replace('  resources:\n', '  resources:\n    accelerator: { count: 1 }\n')
  await t.resolves(
    refused('team-c', gpu, /count is 1, and TuningPolicy tier-trial allows at most 0/),
  )
  for (const team of TEAMS) {
    const queueless = text(OWN[team]).replace(/^ +queueName: .*\n/m, '')
    await t.resolves(refused(team, queueless, /TuningPolicy tier-.*requireQueue/), team)
  }
  const model = text(OWN['team-a']).replace('pvc://models/', 'hf://elsewhere/')
  await t.resolves(refused('team-a', model, /tier-production.*allowedModelSources/))
})

t.test('tenants read what is of the whole cluster, and write none of it', async t => {
  for (const team of TEAMS) {
    const can = (...what: readonly string[]) =>
      at(['auth', 'can-i', ...what, ...as(team)]).catch((error: Error) => error.message)
    await t.resolves(
      eventually(async () => {
        const answer = await can('list', 'tuningpolicies.attune.dev')
        if (!answer.startsWith('yes')) throw new Error(answer)
      }),
    )
    t.notMatch(await can('update', 'tuningpolicies.attune.dev'), /^yes/)
    t.notMatch(await can('patch', 'namespaces', '-n', team), /^yes/)
  }
})
