import t from 'tap'
import { claimedSpec, releasedSpec } from '../../../../operator/src/kube/lease.ts'
import { microTime } from '../../../../operator/src/kube/micro-time.ts'

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0, 278)
const STAMP = '2026-01-01T12:00:00.278000Z'
const claim = { identity: 'me', leaseDurationMs: 15_000, nowMs: NOW }

t.test('stamps have six decimals', t => {
  t.equal(microTime(NOW), STAMP)
  t.end()
})

t.test('renewing keeps who, since when and how often', t => {
  const held = {
    holderIdentity: 'me',
    acquireTime: '2026-01-01T11:00:00.000000Z',
    leaseTransitions: 3,
  }
  t.strictSame(claimedSpec(held, claim), {
    ...held,
    renewTime: STAMP,
    leaseDurationSeconds: 15,
  })
  t.end()
})

t.test('taking over counts as a transition', t => {
  for (const current of [{ holderIdentity: 'other', leaseTransitions: 3 }, { leaseTransitions: 3 }])
    t.strictSame(claimedSpec(current, claim), {
      holderIdentity: 'me',
      acquireTime: STAMP,
      renewTime: STAMP,
      leaseTransitions: 4,
      leaseDurationSeconds: 15,
    })
  t.end()
})

t.test('a released lease has no holder and is short', t => {
  t.match(releasedSpec(NOW), { holderIdentity: '', leaseDurationSeconds: 1, renewTime: STAMP })
  t.end()
})
