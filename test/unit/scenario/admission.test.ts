import t from 'tap'
import { admission, type Claim } from '../../scenario/queue/admission.ts'

const claim = (id: string, more: Partial<Claim> = {}): Claim => ({
  id,
  priority: 100,
  devices: 1,
  since: 0,
  state: 'Waiting',
  ...more,
})

const cases: Readonly<
  Record<string, { claims: readonly Claim[]; admit?: string[]; preempt?: string[] }>
> = {
  'as many as the quota has devices, the oldest first': {
    claims: [claim('c', { since: 3 }), claim('a', { since: 1 }), claim('b', { since: 2 })],
    admit: ['a', 'b'],
  },
  'a higher priority goes first': {
    claims: [claim('a', { devices: 2 }), claim('b', { priority: 1000, since: 9 })],
    admit: ['b'],
  },
  'those that need no device never wait': {
    claims: [claim('a', { devices: 2, state: 'Admitted' }), claim('b', { devices: 0 })],
    admit: ['b'],
  },
  'the youngest of a lower priority is preempted, and no more than needed': {
    claims: [
      claim('a', { state: 'Admitted', since: 1 }),
      claim('b', { state: 'Admitted', since: 2 }),
      claim('u', { priority: 1000 }),
    ],
    preempt: ['b'],
  },
  'an equal priority is not preempted': {
    claims: [claim('a', { devices: 2, state: 'Admitted' }), claim('b')],
  },
  'what is preempted holds its devices until its pod has gone, and nobody else takes them': {
    claims: [
      claim('a', { devices: 2, state: 'Leaving' }),
      claim('u', { devices: 2, priority: 1000 }),
      claim('b'),
    ],
  },
  'one that can never have enough does not hold up others': {
    claims: [claim('u', { devices: 3, priority: 1000 }), claim('b')],
    admit: ['b'],
  },
}

for (const [name, { claims, admit = [], preempt = [] }] of Object.entries(cases))
  t.test(name, async t => {
    t.strictSame(admission(claims, 2), { admit, preempt })
  })
