import t from 'tap'
import { createKubeClient } from '../../../../operator/src/kube/client.ts'
import { anObject, CONFIG_MAP } from '../../../fixtures/kube/an-object.ts'
import { type Answer, json, loopbackServer } from '../../../fixtures/kube/loopback-server.ts'
import { rejection } from '../../../fixtures/kube/rejection.ts'

const page = (names: string[], token?: string) =>
  json(200, {
    items: names.map(name => ({ metadata: { name } })),
    metadata: { resourceVersion: '7', ...(token ? { continue: token } : {}) },
  })
const stream =
  (...events: readonly unknown[]): Answer =>
  response => {
    for (const event of events) response.write(`${JSON.stringify(event)}\n`)
    response.end()
  }
const collect = async <T>(items: AsyncIterable<T>) => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

t.test('a list follows the pages and gives each item its kind', async t => {
  const { connection, requests } = await loopbackServer(t, page(['a', 'b'], 'next'), page(['c']))
  const kube = createKubeClient(connection)
  t.teardown(kube.close)
  const list = await kube.list(CONFIG_MAP, { namespace: 'ns', limit: 2, resourceVersion: '0' })
  t.equal(list.resourceVersion, '7')
  t.strictSame(
    list.items.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
    ['ConfigMap a', 'ConfigMap b', 'ConfigMap c'],
  )
  t.match(requests, [
    { url: /configmaps\?limit=2&resourceVersion=0$/ },
    { url: /configmaps\?limit=2&continue=next$/ },
  ])
})

t.test('a list has an end', async t => {
  const { connection } = await loopbackServer(t, page(['a', 'b'], 'for ever'))
  const kube = createKubeClient(connection)
  t.teardown(kube.close)
  t.match(await rejection(kube.list(CONFIG_MAP, { maxItems: 5 })), {
    message: 'more than 5 configmaps: narrow the selector or raise maxItems',
  })
})

t.test('a watch', async t => {
  const added = { type: 'ADDED', object: anObject('a') }

  await t.test('yields its events and ends with the stream', async t => {
    const { connection, requests } = await loopbackServer(t, stream(added, added))
    const kube = createKubeClient(connection)
    t.teardown(kube.close)
    const options = { resourceVersion: '5', timeoutSeconds: 300, allowBookmarks: true }
    t.strictSame(await collect(kube.watch(CONFIG_MAP, options)), [added, added])
    t.match(requests, [
      { url: /\?watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=300$/ },
    ])
  })

  await t.test('throws an ERROR of the stream as what it is', async t => {
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }
    const answer = stream(added, { type: 'ERROR', object: status })
    const { connection } = await loopbackServer(t, answer)
    const kube = createKubeClient(connection)
    t.teardown(kube.close)
    const events = kube.watch(CONFIG_MAP)
    t.strictSame((await events.next()).value, added)
    t.match(await rejection(events.next()), {
      status: 410,
      reason: 'Expired',
      message: 'watch of configmaps: too old',
    })
  })

  await t.test('tells a cut stream from one that ended', async t => {
    const half: Answer = response => {
      response.write('{"type":"ADD')
      response.end()
    }
    const { connection } = await loopbackServer(t, half, response => response.destroy())
    const kube = createKubeClient(connection)
    t.teardown(kube.close)
    const failed = { reason: 'ConnectionFailed' }
    t.match(await rejection(collect(kube.watch(CONFIG_MAP))), failed)
    t.match(await rejection(collect(kube.watch(CONFIG_MAP))), failed)
  })

  await t.test('refuses events without bound or meaning', async t => {
    const long = { type: 'ADDED', object: { data: 'x'.repeat(500) } }
    const { connection } = await loopbackServer(
      t,
      stream(long),
      stream({ type: 'NEWS', object: {} }),
    )
    const kube = createKubeClient(connection, { limits: { maxEventBytes: 200 } })
    t.teardown(kube.close)
    t.match(await rejection(collect(kube.watch(CONFIG_MAP))), { reason: 'ResponseTooLarge' })
    t.match(await rejection(collect(kube.watch(CONFIG_MAP))), {
      message: 'watch of configmaps: unknown event "NEWS"',
    })
  })

  await t.test('ends with its signal while nothing comes, and lets go of it', async t => {
    const { connection } = await loopbackServer(t, response => {
      response.writeHead(200)
      response.flushHeaders()
    })
    const kube = createKubeClient(connection)
    t.teardown(kube.close)
    const controller = new AbortController()
    const next = kube.watch(CONFIG_MAP, { signal: controller.signal }).next()
    setTimeout(() => controller.abort(new Error('stop')), 20)
    t.match(await rejection(next), { message: 'stop' })
  })
})
