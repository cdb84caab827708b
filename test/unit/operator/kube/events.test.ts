import t from 'tap'
import {
  createEventRecorder,
  type EventRecorderOptions,
} from '../../../../operator/src/kube/events.ts'
import { KubeError } from '../../../../operator/src/kube/kube-error.ts'
import { anObject } from '../../../fixtures/kube/an-object.ts'
import { manualClock } from '../../../fixtures/kube/manual-clock.ts'
import { recordingLog } from '../../../fixtures/kube/recording-log.ts'

type Body = { metadata: { name: string }; count: number; message: string }
type Client = EventRecorderOptions['client']

const start = (options: Partial<EventRecorderOptions> = {}) => {
  const clock = manualClock()
  const log = recordingLog()
  const created: Body[] = []
  const counts: [string, number][] = []
  const fail: { create?: Error; patch?: Error } = {}
  let ids = 0
  const client = {
    create: async (_kind: unknown, body: Body) => {
      if (fail.create) throw fail.create
      created.push(body)
      return body
    },
    patch: async (_kind: unknown, { name }: { name: string }, { count }: Body) => {
      if (fail.patch) throw fail.patch
      counts.push([name, count])
    },
  } as unknown as Client
  const newId = () => String(ids++)
  const names = { component: 'op', instance: 'op-0' }
  const recorder = createEventRecorder({ client, clock, log, newId, ...names, ...options })
  return { clock, log, created, counts, fail, recorder }
}
const note = (message = 'step 1', reason = 'Training') => ({
  type: 'Normal' as const,
  reason,
  message,
})

t.test('says about what, by whom, when and how often', async t => {
  const { created, recorder } = start()
  recorder.record(anObject('a'), note())
  await recorder.flush()
  t.match(created, [
    {
      metadata: { namespace: 'ns', name: 'a.0' },
      involvedObject: { kind: 'ConfigMap', name: 'a', namespace: 'ns', uid: 'uid-a' },
      type: 'Normal',
      reason: 'Training',
      message: 'step 1',
      count: 1,
      firstTimestamp: '2026-01-01T00:00:00Z',
      source: { component: 'op' },
      reportingInstance: 'op-0',
    },
  ])
})

t.test('the same again raises the count, another does not', async t => {
  const { created, counts, recorder } = start()
  for (const [object, message] of [
    ['a', 'one'],
    ['a', 'two'],
    ['b', 'one'],
  ] as const)
    recorder.record(anObject(object), note(message))
  await recorder.flush()
  recorder.record(anObject('a'), note('one'))
  await recorder.flush()
  t.equal(created.length, 3)
  t.strictSame(counts, [['a.0', 2]])
})

t.test('what comes many times before it is sent is sent once', async t => {
  const { created, counts, recorder } = start()
  for (let i = 0; i < 5; i += 1) recorder.record(anObject('a'), note())
  await recorder.flush()
  t.strictSame(
    created.map(({ count }) => count),
    [5],
  )
  t.strictSame(counts, [])
})

t.test('after ten minutes it is a new event', async t => {
  const { clock, created, counts, recorder } = start()
  recorder.record(anObject('a'), note())
  await recorder.flush()
  await clock.advance(600_000)
  recorder.record(anObject('a'), note())
  await recorder.flush()
  t.equal(created.length, 2)
  t.strictSame(counts, [])
})

t.test('an event that the server has forgotten is made anew', async t => {
  const { created, fail, recorder } = start()
  recorder.record(anObject('a'), note())
  await recorder.flush()
  fail.patch = new KubeError({ status: 404, reason: 'NotFound', message: 'expired' })
  recorder.record(anObject('a'), note())
  await recorder.flush()
  t.equal(created.length, 2)
})

t.test('a failure is logged and holds nothing up', async t => {
  const { created, fail, log, recorder } = start()
  fail.create = new Error('no rights')
  recorder.record(anObject('a'), note())
  await recorder.flush()
  delete fail.create
  recorder.record(anObject('b'), note())
  await recorder.flush()
  t.match(log.lines, [{ level: 'warn', fields: { reason: 'Training' } }])
  t.match(created, [{ metadata: { name: 'b.1' } }])
})

t.test('the many events of a namespace do not hold up or crowd out those of another', async t => {
  let dropped = 0
  const onDropped = () => {
    dropped += 1
  }
  const { created, recorder } = start({ maxPending: 3, onDropped })
  for (const name of ['a', 'b', 'c', 'd']) recorder.record(anObject(name), note())
  for (const name of ['x', 'y']) recorder.record(anObject(name, { namespace: 'other' }), note())
  t.equal(dropped, 2, 'd found the queue full, and so did the second of the other namespace')
  await recorder.flush()
  t.strictSame(
    created.map(({ metadata }) => metadata.name),
    ['a.0', 'x.1', 'b.2', 'c.3'],
  )
})

t.test('keeps within its bounds', async t => {
  let dropped = 0
  const { created, recorder } = start({
    maxPending: 2,
    maxRemembered: 1,
    onDropped: () => {
      dropped += 1
    },
  })
  for (const message of ['1', '2', '3']) recorder.record(anObject('a'), note(message))
  t.equal(dropped, 1)
  await recorder.flush()
  recorder.record(anObject('a'), note('1'))
  recorder.record(anObject('a'), note('m'.repeat(5000)))
  await recorder.flush()
  t.strictSame(
    created.map(({ message }) => message.length),
    [1, 1, 1, 1024],
    'the first was forgotten for the second',
  )
})

t.test('names stay within what Kubernetes allows', async t => {
  const { created, recorder } = start()
  recorder.record(anObject('n'.repeat(253)), note())
  await recorder.flush()
  t.equal(created[0]?.metadata.name, `${'n'.repeat(251)}.0`)
})
