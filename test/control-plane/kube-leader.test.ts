import t from 'tap'
import type { KubeClient } from '../../operator/src/kube/kube-client.ts'
import { createLeaderElector } from '../../operator/src/kube/leader.ts'
import { LEASE } from '../../operator/src/kube/lease.ts'
import { silentLog } from '../../operator/src/kube/log.ts'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { kubeClient } from '../fixtures/kube/kube-client.ts'
import { tcpProxy } from '../fixtures/kube/tcp-proxy.ts'

const name = 'leader'
const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/

/** Within these a renewal succeeds on a busy machine too. */
const PATIENT = { leaseDurationMs: 60_000, renewDeadlineMs: 45_000 }
/** For a lease that a test waits for the end of. */
const SHORT = { leaseDurationMs: 3_000, renewDeadlineMs: 2_000 }

const candidate = (
  client: KubeClient,
  namespace: string,
  identity: string,
  events: string[],
  times = PATIENT,
) =>
  createLeaderElector({
    client,
    namespace,
    name,
    identity,
    log: silentLog,
    ...times,
    retryPeriodMs: 250,
    onLost: () => events.push(`${identity} lost`),
  })

t.test('leadership', async t => {
  const { kubeconfig, server } = await controlPlane()
  const kube = kubeClient(t, { kubeconfig })
  const never = new AbortController().signal

  await t.test('passes on at once when it is released', async t => {
    const namespace = await testNamespace(t)
    const events: string[] = []
    const [one, two] = ['one', 'two'].map(identity => candidate(kube, namespace, identity, events))
    if (!one || !two) throw new Error('two candidates were made')
    await one.acquire(never)
    const first = await kube.get(LEASE, { namespace, name })
    t.match(first.spec, {
      holderIdentity: 'one',
      leaseDurationSeconds: 60,
      leaseTransitions: 0,
      acquireTime: MICRO_TIME,
      renewTime: MICRO_TIME,
    })
    const acquired = two.acquire(never).then(() => events.push('two leads'))
    await eventually(async () => {
      const { spec } = await kube.get(LEASE, { namespace, name })
      if (spec?.renewTime === first.spec?.renewTime) throw new Error('not yet renewed')
    })
    t.equal(two.isLeader(), false)
    await one.release()
    t.equal(one.isLeader(), false)
    await acquired
    t.equal(two.isLeader(), true)
    t.strictSame(events, ['two leads'])
    const { spec } = await kube.get(LEASE, { namespace, name })
    t.match(spec, { holderIdentity: 'two', leaseDurationSeconds: 60, leaseTransitions: 1 })
    await two.release()
    t.notOk((await kube.get(LEASE, { namespace, name })).spec?.holderIdentity)
  })

  await t.test('is lost by who cannot renew, before another has it', async t => {
    const namespace = await testNamespace(t)
    const proxy = await tcpProxy(t, server)
    const cutOff = kubeClient(t, { kubeconfig, server: proxy.url })
    const events: string[] = []
    const one = candidate(cutOff, namespace, 'one', events, SHORT)
    const two = candidate(kube, namespace, 'two', events, SHORT)
    await one.acquire(never)
    const acquired = two.acquire(never).then(() => {
      events.push(`two leads, one ${one.isLeader() ? 'too' : 'no more'}`)
    })
    proxy.block()
    await acquired
    t.strictSame(events, ['one lost', 'two leads, one no more'])
    proxy.open()
    await one.release()
    t.match(await kube.get(LEASE, { namespace, name }), { spec: { holderIdentity: 'two' } })
    await two.release()
  })

  await t.test('is one however many start at once', async t => {
    const namespace = await testNamespace(t)
    const events: string[] = []
    const stop = new AbortController()
    const electors = Array.from({ length: 5 }, (_, i) =>
      candidate(kube, namespace, `c${i}`, events),
    )
    const all = electors.map(elector => elector.acquire(stop.signal))
    await Promise.race(all)
    t.equal(electors.filter(elector => elector.isLeader()).length, 1)
    stop.abort()
    await Promise.allSettled(all)
    await Promise.all(electors.map(elector => elector.release()))
    t.strictSame(events, [])
  })
})
