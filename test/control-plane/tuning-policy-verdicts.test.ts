import t from 'tap'
import { decide } from '../../operator/src/policy/decide.ts'
import type { TuningPolicy } from '../../operator/src/policy/kinds.ts'
import type { Observed } from '../../operator/src/policy/situation.ts'
import { verdicts } from '../fixtures/gitops/verdicts.ts'
import { aStoredPolicy, CONTRADICTION, seen } from '../fixtures/operator/a-stored-policy.ts'
import { NOW } from '../fixtures/operator/tuning-job.ts'

const decided = (observed: Observed): TuningPolicy => {
  const { status } = decide(observed, NOW)
  return { ...observed.policy, ...(status ? { status } : {}) }
}
const inForce = decided(seen(aStoredPolicy(), { heldJobs: 3 }))

t.test('Flux and Argo CD see of a policy what it is', async t => {
  const cases: Readonly<Record<string, readonly [TuningPolicy, string, string]>> = {
    'that no operator looks at': [aStoredPolicy(), 'Current', 'Healthy'],
    'that holds jobs back': [inForce, 'Current', 'Healthy'],
    'that selects no namespace yet': [
      decided(seen(aStoredPolicy(), { namespaces: 0 })),
      'Current',
      'Healthy',
    ],
    'that was edited since': [
      aStoredPolicy({ generation: 2, ...(inForce.status ? { status: inForce.status } : {}) }),
      'InProgress',
      'Progressing',
    ],
    'that contradicts itself': [
      decided(seen(aStoredPolicy({ spec: { namespaceSelector: CONTRADICTION } }))),
      'Failed',
      'Degraded',
    ],
    'that is being deleted': [
      aStoredPolicy({ deletionTimestamp: '2026-01-01T00:00:00Z' }),
      'Terminating',
      'Progressing',
    ],
  }
  const found = await verdicts(Object.values(cases).map(([object]) => object))
  for (const [i, [name, [, flux, argo]]] of Object.entries(cases).entries()) {
    const { kstatus, health } = found[i] ?? {}
    t.strictSame([kstatus?.status, health?.status], [flux, argo], `a policy ${name}`)
    t.ok(health?.message, name)
  }
})
