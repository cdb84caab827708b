import t from 'tap'
import type { KubeClient } from '../../../../operator/src/kube/kube-client.ts'
import type { KubeEvent } from '../../../../operator/src/kube/events.ts'
import type { Pod } from '../../../../operator/src/job/kinds.ts'
import { createWarningReader } from '../../../../operator/src/job/warning-reader.ts'
import { silentLog } from '../../../../operator/src/kube/log.ts'
import { aPod, at } from '../../../fixtures/operator/tuning-job.ts'

type Asked = { readonly namespace?: string; readonly fieldSelector?: string }
type TearingDown = { teardown(work: () => Promise<void>): void }

const silent = (name: string): Pod => {
  const pod = aPod(1, 'train', undefined, { name })
  return {
    ...pod,
    status: {
      phase: 'Pending',
      startTime: at(0),
      conditions: [{ type: 'PodScheduled', status: 'True' }],
      containerStatuses: [{ name: 'trainer', state: { waiting: { reason: 'ContainerCreating' } } }],
    },
  }
}

const anEvent = (reason: string, message: string, seconds: number): KubeEvent => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: `${reason}-${seconds}` },
  involvedObject: {},
  type: 'Warning',
  reason,
  message,
  lastTimestamp: at(seconds),
})

/** Reads until so many requests were made, and a round later. */
const read = async (
  t: TearingDown,
  pods: () => readonly Pod[],
  answer: (asked: Asked) => readonly KubeEvent[],
  requests: number,
) => {
  const asked: Asked[] = []
  const changes: string[] = []
  const enough = Promise.withResolvers<void>()
  async function* listPages(_: unknown, options: Asked) {
    asked.push(options)
    if (asked.length >= requests) enough.resolve()
    yield { items: answer(options), resourceVersion: '1' }
    throw new Error('a second page is not asked for')
  }
  const reader = createWarningReader({
    label: 'attune.dev/job',
    client: { listPages } as unknown as KubeClient,
    pods,
    stageJobs: () => [],
    intervalMs: 1,
    onChange: key => changes.push(key),
    log: silentLog,
  })
  const stop = new AbortController()
  const done = reader.run(stop.signal)
  t.teardown(async () => {
    stop.abort()
    await done
  })
  await enough.promise
  return { reader, asked, changes }
}

t.test('the newest warning of a pod that keeps silent is kept', async t => {
  const events = [
    anEvent('FailedMount', 'old', 1),
    anEvent('FailedScheduling', 'no node', 9),
    anEvent('FailedMount', 'new', 5),
  ]
  const { reader, asked, changes } = await read(
    t,
    () => [silent('one')],
    () => events,
    3,
  )
  t.strictSame(reader.get('uid-of-one'), { reason: 'FailedMount', message: 'new' })
  t.match(asked[0], {
    namespace: 'team-a',
    fieldSelector: 'involvedObject.uid=uid-of-one,type=Warning',
    limit: 50,
  })
  t.strictSame(changes, ['team-a/home'], 'told of once')
})

t.test('a pod that runs is not asked about, and what was known of it is forgotten', async t => {
  const running = aPod(1, 'train', { runningSince: at(0) }, { name: 'one' })
  let pods: readonly Pod[] = [silent('one'), silent('two')]
  const events = [anEvent('FailedMount', 'no', 1)]
  const { reader, asked } = await read(
    t,
    () => pods,
    () => events,
    2,
  )
  pods = [running, silent('two')]
  const before = asked.length
  while (asked.length < before + 4) await new Promise(resolve => setTimeout(resolve, 1))
  t.equal(reader.get('uid-of-one'), undefined)
  t.ok(asked.slice(-2).every(({ fieldSelector }) => fieldSelector?.includes('two')))
})

t.test('of many, all get their turn, and one that fails holds up none', async t => {
  const pods = Array.from({ length: 50 }, (_, index) => silent(`pod-${index}`))
  const answer = ({ fieldSelector }: Asked) => {
    if (fieldSelector?.includes('pod-0,')) throw new Error('refused')
    return []
  }
  const { asked } = await read(t, () => pods, answer, 60)
  const selectors = new Set(asked.slice(0, 60).map(({ fieldSelector }) => fieldSelector))
  t.equal(selectors.size, 50)
})

t.test('the many pods of one tenant do not hold up the one of another', async t => {
  const tenant = (pod: Pod, namespace: string): Pod => ({
    ...pod,
    metadata: { ...pod.metadata, namespace },
  })
  const many = Array.from({ length: 500 }, (_, index) => tenant(silent(`pod-${index}`), 'team-a'))
  const pods = [...many, tenant(silent('neighbour'), 'team-b')]
  const { asked } = await read(
    t,
    () => pods,
    () => [],
    200,
  )
  const turns = asked
    .slice(0, 200)
    .flatMap(({ namespace }, at) => (namespace === 'team-b' ? [at] : []))
  t.ok((turns[0] ?? Number.POSITIVE_INFINITY) < 2, 'it is the second')
  t.equal(turns.length, 10, 'and has a turn in each round of 20')
})
