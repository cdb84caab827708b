import t from 'tap'
import { fenced } from '../../../../operator/src/job/fence.ts'
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { networkChildren, unneededPolicies } from '../../../../operator/src/job/network-children.ts'
import type { NetworkPolicy, Pod } from '../../../../operator/src/job/kinds.ts'
import { newRun } from '../../../../operator/src/job/run.ts'
import type { Observed } from '../../../../operator/src/job/situation.ts'
import {
  aJob,
  aPod,
  aStageJob,
  at,
  COMPLETE,
  CONFIG,
  ended,
  observedOf,
} from '../../../fixtures/operator/tuning-job.ts'

const config = { ...CONFIG, networkPolicyFrom: ['attune-system', 'monitoring'] }
const observed = observedOf(aJob())

const stored = (changes: Partial<NetworkPolicy> = {}): readonly NetworkPolicy[] =>
  networkChildren({ observed, config }).apply.map(({ manifest }, i) => ({
    ...(manifest as unknown as NetworkPolicy),
    metadata: { ...manifest.metadata, uid: `uid-${i}`, resourceVersion: `${i + 7}` },
    ...changes,
  }))

t.test('the stage that fetches gets out, and no other', async t => {
  const { apply, remove } = networkChildren({ observed, config })
  t.strictSame(remove, [])
  const [egress, isolated] = apply.map(({ manifest }) => manifest as unknown as { spec: object })
  const selector = (stages: readonly string[]) => ({
    matchLabels: { 'attune.dev/job': 'home' },
    matchExpressions: [{ key: 'attune.dev/stage', operator: 'In', values: stages }],
  })
  const ingress = [
    {
      from: [
        {
          namespaceSelector: {
            matchExpressions: [
              {
                key: 'kubernetes.io/metadata.name',
                operator: 'In',
                values: ['attune-system', 'monitoring'],
              },
            ],
          },
        },
      ],
      ports: [{ protocol: 'TCP', port: 8080 }],
    },
  ]
  const policyTypes = ['Ingress', 'Egress']
  t.strictSame(isolated?.spec, {
    podSelector: selector(['train', 'evaluate', 'publish']),
    policyTypes,
    ingress,
  })
  t.match(egress?.spec, { podSelector: selector(['prepare']), policyTypes, ingress })
  t.match(egress?.spec, {
    egress: [
      { ports: [{ port: 53 }, { port: 53 }] },
      {
        to: [
          { ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.0.0/16'] } },
          { ipBlock: { cidr: '::/0' } },
          { namespaceSelector: {} },
        ],
      },
    ],
  })
})

t.test('they belong to the job', async t => {
  for (const { kind, manifest } of networkChildren({ observed, config }).apply) {
    t.equal(kind, 'NetworkPolicy')
    t.match(manifest.metadata, {
      name: /^home-(egress|isolated)$/,
      namespace: 'team-a',
      labels: { 'app.kubernetes.io/managed-by': 'attune-operator' },
      ownerReferences: [{ uid: 'job-uid', controller: true }],
    })
  }
})

t.test('what is there stays, and what is not as wanted is put right in place', async t => {
  const there = { observed: { ...observed, networkPolicies: stored() }, config }
  t.strictSame(networkChildren(there), { apply: [], remove: [] })
  const other = { ...there, config: { ...config, networkPolicyFrom: ['attune-system'] } }
  const { apply, remove } = networkChildren(other)
  t.strictSame(
    apply.map(({ manifest, replaces }) => [manifest.metadata.name, replaces]),
    [
      ['home-egress', '7'],
      ['home-isolated', '8'],
    ],
  )
  t.strictSame(remove, [])
})

t.test('without namespaces to let in none is made, and those there are removed', async t => {
  t.strictSame(networkChildren({ observed, config: CONFIG }), { apply: [], remove: [] })
  const there = { observed: { ...observed, networkPolicies: stored() }, config: CONFIG }
  t.equal(networkChildren(there).remove.length, 2)
})

t.test('they are made again as long as a stage has its Job or a pod', async t => {
  const { job: owner } = observed
  const nothing = { apply: [], remove: [] }
  const manifest = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'home-1-train' } }
  const starting = { apply: [{ kind: 'Job' as const, manifest }], remove: [] }
  const job = aStageJob(1, 'train')
  const endedJob = { ...job, status: { conditions: [COMPLETE] } }
  const none = { owner, pods: [], jobs: [] }
  const both = ['home-egress', 'home-isolated']
  const cases: Readonly<
    Record<string, readonly [Parameters<typeof fenced>[1], readonly string[]]>
  > = {
    'nothing runs': [none, []],
    'a Job waits for its pod': [{ ...none, jobs: [job] }, both],
    'a pod runs': [{ ...none, jobs: [job], pods: [aPod(1, 'train')] }, both],
    'its Job is gone and its pod still saves': [{ ...none, pods: [aPod(1, 'train')] }, both],
    'all is over': [{ ...none, jobs: [endedJob], pods: [aPod(1, 'train', ended(0))] }, []],
    'the owner is being deleted': [
      {
        ...none,
        owner: { ...owner, metadata: { ...owner.metadata, deletionTimestamp: at(0) } },
        pods: [aPod(1, 'train')],
      },
      [],
    ],
  }
  const network = () => networkChildren({ observed, config })
  const names = ({ apply }: ReturnType<typeof network>) =>
    apply.map(({ manifest }) => manifest.metadata.name)
  for (const [name, [present, expected]] of Object.entries(cases))
    t.strictSame(names(fenced(nothing, present, network)), expected, name)
  t.strictSame(names(fenced(starting, none, network)), [...both, 'home-1-train'], 'a stage starts')
})

t.test('one that is not as wanted is put right while a pod runs', async t => {
  const [egress, isolated] = stored()
  const open = { ...isolated, spec: { podSelector: {}, policyTypes: ['Ingress'] } } as NetworkPolicy
  const there = { ...observed, networkPolicies: egress ? [egress, open] : [] }
  const { apply, remove } = fenced(
    { apply: [], remove: [] },
    { owner: there.job, pods: [aPod(1, 'train')], jobs: [] },
    () => networkChildren({ observed: there, config }),
  )
  t.match(apply, [{ manifest: { metadata: { name: 'home-isolated' } }, replaces: '8' }])
  t.equal(apply.length, 1)
  t.strictSame(remove, [])
})

t.test('they go with the end of the run, once no pod is left', async t => {
  const policies = stored()
  const done = { ...newRun(1, 'hash', ''), phase: 'Succeeded' as const }
  const running = { ...done, phase: 'Training' as const }
  const withRuns = (...runs: readonly RunStatus[]) => ({
    ...observedOf(aJob({ status: { runs: [...runs] } })),
    networkPolicies: policies,
  })
  const gone = (there: Observed, runs: readonly RunStatus[], pods: readonly Pod[] = []) =>
    fenced(
      { apply: [], remove: [] },
      { owner: there.job, pods, jobs: [] },
      () => networkChildren({ observed: there, config }),
      unneededPolicies(there, runs),
    ).remove.map(({ uid }) => uid)
  t.strictSame(gone(withRuns(done), [done]), ['uid-0', 'uid-1'])
  t.strictSame(gone(withRuns(done), [done], [aPod(1, 'train')]), [], 'a pod is left')
  t.strictSame(gone(withRuns(running), [running]), [], 'the run goes on')
  t.strictSame(gone(withRuns(running), [done]), [], 'its end is not told yet')
  const next = newRun(2, 'other', '')
  t.strictSame(gone(withRuns(done), [done, next]), [], 'another run begins')

  const { apply } = networkChildren({ observed: withRuns(done), config, run: next })
  t.equal(apply.length, 2, 'made again, whatever is still cached of them')
  t.strictSame(networkChildren({ observed: withRuns(done, next), config, run: next }).apply, [])
})
