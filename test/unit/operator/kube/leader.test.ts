import t from 'tap'
import { type LeaderOptions, createLeaderElector } from '../../../../operator/src/kube/leader.ts'
import type { Lease, LeaseSpec } from '../../../../operator/src/kube/lease.ts'
import { recordingLog } from '../../../fixtures/kube/recording-log.ts'
import { manualClock } from '../../../fixtures/kube/manual-clock.ts'

type Answers = {
  find: () => Promise<Lease | undefined>
  write: (spec: LeaseSpec, signal: AbortSignal) => Promise<Lease>
}

type Written = { spec: LeaseSpec }
type Options = { signal: AbortSignal }

const lease = (spec: LeaseSpec): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'l', namespace: 'ns', resourceVersion: '1' },
  spec,
})
const unreachable = async () => {
  throw new Error('unreachable')
}

/** An elector whose API server gives scripted answers: how it measures time, not how Leases behave. */
const start = (answers: Partial<Answers>, options: Partial<LeaderOptions> = {}) => {
  const clock = manualClock()
  const log = recordingLog()
  const lost: string[] = []
  const current: Answers = {
    find: async () => undefined,
    write: async spec => lease(spec),
    ...answers,
  }
  const elector = createLeaderElector({
    client: {
      find: (async () => current.find()) as unknown as LeaderOptions['client']['find'],
      create: (async (_kind: unknown, { spec }: Written, { signal }: Options) =>
        current.write(spec, signal)) as unknown as LeaderOptions['client']['create'],
      patch: (async (_kind: unknown, _ref: unknown, { spec }: Written, { signal }: Options) =>
        current.write(spec, signal)) as unknown as LeaderOptions['client']['patch'],
    },
    namespace: 'ns',
    name: 'l',
    identity: 'me',
    log,
    onLost: reason => lost.push(reason.message),
    clock,
    random: () => 0,
    ...options,
  })
  return { clock, log, lost, elector, current }
}

const held = lease({
  holderIdentity: 'other',
  leaseDurationSeconds: 15,
  // long ago by any clock
  renewTime: '2020-01-01T00:00:00.000000Z',
})

t.test(
  'counts the time of another from when it saw the record, whatever the stamps say',
  async t => {
    const { clock, elector } = start({ find: async () => held })
    void elector.acquire(new AbortController().signal)
    await clock.advance(14_000)
    t.equal(elector.isLeader(), false)
    clock.jump(3_600_000)
    await clock.advance(0)
    t.equal(elector.isLeader(), false)
    await clock.advance(2_000)
    t.equal(elector.isLeader(), true)
    await elector.release()
  },
)

t.test('starts to count anew when the record changes', async t => {
  let renewals = 0
  const find = async () =>
    lease({ ...held.spec, renewTime: `2020-01-01T00:00:00.00000${Math.min(renewals++, 5)}Z` })
  const { clock, elector } = start({ find })
  void elector.acquire(new AbortController().signal)
  // the record changes with the sixth look, at 10 s, for the last time
  await clock.advance(24_000)
  t.equal(elector.isLeader(), false)
  await clock.advance(2_000)
  t.equal(elector.isLeader(), true)
  await elector.release()
})

t.test('loses when it could not renew for the deadline', async t => {
  const { clock, elector, lost, current } = start({})
  await elector.acquire(new AbortController().signal)
  await clock.advance(2_000)
  current.write = unreachable
  current.find = unreachable
  await clock.advance(9_999)
  t.equal(elector.isLeader(), true)
  t.strictSame(lost, [])
  await clock.advance(1)
  t.equal(elector.isLeader(), false)
  t.strictSame(lost, ['me lost the lease: not renewed for 10000 ms'])
  await clock.advance(60_000)
  t.equal(lost.length, 1)
  t.equal(clock.timers, 0)
})

t.test('is no longer leader after the deadline even before a timer runs', async t => {
  const clock = manualClock()
  let stoodStillMs = 0
  const monotonic = () => clock.monotonic() + stoodStillMs
  const { elector } = start({}, { clock: { ...clock, monotonic } })
  await elector.acquire(new AbortController().signal)
  stoodStillMs = 9_999
  t.equal(elector.isLeader(), true)
  stoodStillMs = 10_000
  t.equal(elector.isLeader(), false)
  stoodStillMs = 0
  await elector.release()
})

t.test('counts its own time from before it asked', async t => {
  const { clock, elector, lost, current } = start({})
  const slow = Promise.withResolvers<void>()
  current.write = async spec => {
    await slow.promise
    return lease(spec)
  }
  const acquired = elector.acquire(new AbortController().signal)
  await clock.advance(4_000)
  slow.resolve()
  await acquired
  current.write = unreachable
  current.find = unreachable
  await clock.advance(6_000)
  t.equal(elector.isLeader(), false)
  t.equal(lost.length, 1)
})

t.test('gives away what an aborted attempt may have taken', async t => {
  const { elector, current } = start({})
  const taken = lease({ holderIdentity: 'me' })
  const holders: (string | undefined)[] = []
  current.write = async () => {
    current.find = async () => taken
    throw new Error('the answer was lost')
  }
  const controller = new AbortController()
  const acquired = elector.acquire(controller.signal)
  controller.abort(new Error('stop'))
  await t.rejects(acquired, { message: 'stop' })
  current.find = async () => taken
  current.write = async spec => {
    holders.push(spec.holderIdentity)
    return lease(spec)
  }
  await elector.release()
  t.strictSame(holders, [''])
})

t.test('loses at once when another holds the lease', async t => {
  const conflict = Object.assign(new Error('conflict'), { status: 409 })
  const { clock, elector, lost, current } = start({})
  await elector.acquire(new AbortController().signal)
  current.write = async () => {
    throw conflict
  }
  current.find = async () => held
  await clock.advance(4_000)
  t.strictSame(lost, ['me lost the lease: it is held by other'])
})

t.test('gives up an answer that does not come before the deadline', async t => {
  const { clock, elector, lost, current } = start({})
  await elector.acquire(new AbortController().signal)
  current.write = (_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  await clock.advance(9_999)
  t.strictSame(lost, [])
  await clock.advance(1)
  t.strictSame(lost, ['me lost the lease: not renewed for 10000 ms'])
  t.equal(elector.isLeader(), false)
})

t.test('stops asking with its signal', async t => {
  const { clock, elector } = start({ find: async () => held })
  const controller = new AbortController()
  const acquired = elector.acquire(controller.signal)
  await clock.advance(1_000)
  controller.abort(new Error('stop'))
  await t.rejects(acquired, { message: 'stop' })
  t.equal(clock.timers, 0)
})

t.test('refuses times that could give two leaders', t => {
  const table: Partial<LeaderOptions>[] = [
    { leaseDurationMs: 10_000, renewDeadlineMs: 10_000 },
    { renewDeadlineMs: 2_400, retryPeriodMs: 2_000 },
  ]
  for (const options of table)
    t.throws(() => start({}, options), { message: /need lease duration > renew deadline/ })
  t.end()
})
