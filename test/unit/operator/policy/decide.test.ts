import t from 'tap'
import { POLICY_REASONS } from '../../../../crds/tuning-policy-conditions.ts'
import { decide } from '../../../../operator/src/policy/decide.ts'
import type { TuningPolicy } from '../../../../operator/src/policy/kinds.ts'
import type { Observed } from '../../../../operator/src/policy/situation.ts'
import { aStoredPolicy, CONTRADICTION, seen } from '../../../fixtures/operator/a-stored-policy.ts'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import { NOW } from '../../../fixtures/operator/tuning-job.ts'

const policy = aStoredPolicy()
const contradicting = aStoredPolicy({ spec: { namespaceSelector: CONTRADICTION } })

/** What the API server has after the decision. */
const after = (observed: Observed): TuningPolicy => {
  const { status } = decide(observed, NOW)
  return status ? { ...observed.policy, status } : observed.policy
}
const words = ({ status }: TuningPolicy) =>
  status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`)

t.test('a policy is judged by what it selects', async t => {
  const cases: Readonly<Record<string, readonly [Observed, readonly string[], string]>> = {
    'that selects namespaces': [seen(policy), ['Ready True InForce'], 'Normal'],
    'for every namespace': [
      seen(aStoredPolicy({ spec: { namespaceSelector: {} } })),
      ['Ready True InForce'],
      'Normal',
    ],
    'that selects none': [seen(policy, { namespaces: 0 }), ['Ready True NoNamespaces'], 'Warning'],
    'that can select none': [
      seen(contradicting, { namespaces: 0 }),
      ['Ready False SelectorContradicts', 'Stalled True SelectorContradicts'],
      'Warning',
    ],
  }
  for (const [name, [observed, conditions, type]] of Object.entries(cases)) {
    const { events } = decide(observed, NOW)
    const judged = after(observed)
    t.strictSame(words(judged), conditions, `one ${name}`)
    t.strictSame(brokenFluxRules(judged as never), [], name)
    t.match(events, [{ type, reason: judged.status?.conditions?.[0]?.reason, message: /\w/ }])
    t.strictSame(decide({ ...observed, policy: judged }, NOW + 60_000), { events: [] }, name)
  }
  const reasons = Object.values(cases).map(([observed]) => after(observed).status?.conditions?.[0])
  t.strictSame(
    new Set(reasons.map(condition => condition?.reason)),
    new Set(Object.keys(POLICY_REASONS)),
    'every reason is here',
  )
})

t.test('status counts, and speaks of the generation that was looked at', async t => {
  const edited = aStoredPolicy({ generation: 3 })
  t.match(after(seen(edited, { namespaces: 4, heldJobs: 3, heldDatasets: 2 })).status, {
    observedGeneration: 3,
    namespaces: 4,
    heldJobs: 3,
    heldDatasets: 2,
    conditions: [{ observedGeneration: 3 }],
  })
})

t.test('counts wait for their time, and are written without an Event', async t => {
  const judged = after(seen(policy))
  const changed = seen(judged, { heldJobs: 5 })
  t.strictSame(decide({ ...changed, holdMs: 1200 }, NOW), { events: [], requeueAfterMs: 1200 })
  const { status, events } = decide(changed, NOW + 5000)
  t.equal(status?.heldJobs, 5)
  t.strictSame(status?.conditions, judged.status?.conditions)
  t.strictSame(events, [])
})

t.test('what people wait for does not wait', async t => {
  const judged = after(seen(policy))
  const alone = decide(seen(judged, { namespaces: 0, holdMs: 4000 }), NOW)
  t.match(alone, { status: { namespaces: 0 }, events: [{ reason: 'NoNamespaces' }] })
  const edit = { ...judged, metadata: { ...judged.metadata, generation: 2 } }
  const seenAgain = decide(seen(edit, { holdMs: 4000 }), NOW)
  t.match(seenAgain, { status: { observedGeneration: 2 }, events: [] })
})

t.test('one that is mended is ready, and says so', async t => {
  const stalled = after(seen(contradicting, { namespaces: 0 }))
  const mended = seen({ ...aStoredPolicy({ generation: 2 }), status: stalled.status ?? {} })
  const { events } = decide(mended, NOW)
  t.strictSame(words(after(mended)), ['Ready True InForce'])
  t.match(events, [{ type: 'Normal', reason: 'InForce' }])
})

t.test('nothing is said of one that is being deleted', async t => {
  const going = aStoredPolicy({ deletionTimestamp: '2026-01-01T00:00:00Z' })
  t.strictSame(decide(seen(going), NOW), { events: [] })
})
