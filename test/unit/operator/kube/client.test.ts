import t from 'tap'
import { createKubeClient } from '../../../../operator/src/kube/client.ts'
import type { RequestObservation } from '../../../../operator/src/kube/kube-client.ts'
import { CONFIG_MAP } from '../../../fixtures/kube/an-object.ts'
import { json, loopbackServer } from '../../../fixtures/kube/loopback-server.ts'
import { rejection } from '../../../fixtures/kube/rejection.ts'

const REF = { namespace: 'ns', name: 'a' }
const MANIFEST = { apiVersion: 'v1', kind: 'ConfigMap', metadata: REF }
const OBJECT = { ...MANIFEST, data: { k: 'v' } }
const busy = (retryAfter: string) =>
  json(
    429,
    { kind: 'Status', reason: 'TooManyRequests', message: 'busy' },
    { 'Retry-After': retryAfter },
  )
type Cut = { destroy(): void }
const cut = (response: Cut) => response.destroy()

t.test('sends where and what it was told to', async t => {
  const { connection, requests } = await loopbackServer(t, json(200, OBJECT))
  const kube = createKubeClient(connection, { userAgent: 'me/1' })
  t.teardown(kube.close)
  t.strictSame(await kube.get(CONFIG_MAP, REF), OBJECT)
  await kube.apply(CONFIG_MAP, MANIFEST, { fieldManager: 'me', force: true })
  await kube.applyStatus(CONFIG_MAP, MANIFEST, { fieldManager: 'me' })
  await kube.patch(CONFIG_MAP, REF, { data: null })
  await kube.patch(CONFIG_MAP, REF, [{ op: 'add', path: '/data', value: {} }])
  await kube.create(CONFIG_MAP, MANIFEST)
  await kube.delete(CONFIG_MAP, REF, {
    preconditions: { uid: 'u' },
    propagationPolicy: 'Background',
  })
  const path = '/prefix/api/v1/namespaces/ns/configmaps'
  t.match(requests, [
    {
      method: 'GET',
      url: `${path}/a`,
      headers: { authorization: 'Bearer secret', 'user-agent': 'me/1' },
    },
    {
      method: 'PATCH',
      url: `${path}/a?fieldManager=me&force=true`,
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: JSON.stringify(MANIFEST),
    },
    { method: 'PATCH', url: `${path}/a/status?fieldManager=me` },
    { headers: { 'content-type': 'application/merge-patch+json' }, body: '{"data":null}' },
    {
      headers: { 'content-type': 'application/json-patch+json' },
      body: '[{"op":"add","path":"/data","value":{}}]',
    },
    { method: 'POST', url: path, headers: { 'content-type': 'application/json' } },
    {
      method: 'DELETE',
      body: '{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background","preconditions":{"uid":"u"}}',
    },
  ])
})

t.test('a busy server', async t => {
  await t.test('is asked again, also to create', async t => {
    const { connection, requests } = await loopbackServer(
      t,
      busy('0'),
      busy('0'),
      json(201, OBJECT),
    )
    const observed: RequestObservation[] = []
    const kube = createKubeClient(connection, { observe: request => observed.push(request) })
    t.teardown(kube.close)
    t.strictSame(await kube.create(CONFIG_MAP, MANIFEST), OBJECT)
    t.equal(requests.length, 3)
    t.match(observed, [
      { verb: 'create', code: 429, resource: 'configmaps' },
      { code: 429 },
      { code: 201 },
    ])
  })

  await t.test('is given up in the end', async t => {
    const { connection, requests } = await loopbackServer(t, busy('0'))
    const kube = createKubeClient(connection, { limits: { maxAttempts: 3 } })
    t.teardown(kube.close)
    t.match(await rejection(kube.get(CONFIG_MAP, REF)), { status: 429, message: /busy/ })
    t.equal(requests.length, 3)
  })

  await t.test('is not waited for longer than the bound, nor after an abort', async t => {
    const { connection } = await loopbackServer(t, busy('3600'), json(200, OBJECT))
    const short = createKubeClient(connection, { limits: { maxRetryAfterMs: 1 } })
    t.teardown(short.close)
    t.strictSame(await short.get(CONFIG_MAP, REF), OBJECT)

    const again = await loopbackServer(t, busy('3600'))
    const kube = createKubeClient(again.connection)
    t.teardown(kube.close)
    const controller = new AbortController()
    const asked = kube.get(CONFIG_MAP, REF, { signal: controller.signal })
    controller.abort(new Error('stop'))
    t.match(await rejection(asked), { message: 'stop' })
  })
})

t.test('a connection that breaks', async t => {
  await t.test('is tried again where twice is as good as once', async t => {
    const { connection, requests } = await loopbackServer(t, cut, json(200, OBJECT))
    const kube = createKubeClient(connection)
    t.teardown(kube.close)
    t.strictSame(await kube.apply(CONFIG_MAP, MANIFEST, { fieldManager: 'me' }), OBJECT)
    t.equal(requests.length, 2)
  })

  await t.test('is an error to create and patch', async t => {
    const { connection, requests } = await loopbackServer(t, cut)
    const kube = createKubeClient(connection)
    t.teardown(kube.close)
    const failed = { name: 'KubeError', status: 0, reason: 'ConnectionFailed' }
    t.match(await rejection(kube.create(CONFIG_MAP, MANIFEST)), failed)
    t.match(await rejection(kube.patch(CONFIG_MAP, REF, {})), failed)
    t.equal(requests.length, 2)
  })
})

t.test('a server that does not answer is given up after the limit', async t => {
  const { connection } = await loopbackServer(t, () => {})
  const kube = createKubeClient(connection, { limits: { timeoutMs: 20, maxAttempts: 1 } })
  t.teardown(kube.close)
  t.match(await rejection(kube.get(CONFIG_MAP, REF)), {
    reason: 'RequestTimeout',
    message: 'GET /api/v1/namespaces/ns/configmaps/a: no answer within 20 ms',
  })
})

t.test('answers that are not what they should be', async t => {
  await t.test('too large', async t => {
    const { connection } = await loopbackServer(t, json(200, { data: 'x'.repeat(1000) }))
    const kube = createKubeClient(connection, { limits: { maxResponseBytes: 500 } })
    t.teardown(kube.close)
    t.match(await rejection(kube.get(CONFIG_MAP, REF)), { reason: 'ResponseTooLarge' })
  })

  await t.test('no JSON', async t => {
    const { connection } = await loopbackServer(t, response => response.end('<html>'))
    const kube = createKubeClient(connection)
    t.teardown(kube.close)
    t.match(await rejection(kube.get(CONFIG_MAP, REF)), {
      reason: 'ResponseMalformed',
      message: /not a JSON object but "<html>"/,
    })
  })

  await t.test('no list', async t => {
    const { connection } = await loopbackServer(t, json(200, OBJECT))
    const kube = createKubeClient(connection)
    t.teardown(kube.close)
    t.match(await rejection(kube.list(CONFIG_MAP)), {
      message: 'the answer to a list of configmaps is not a list',
    })
  })

  await t.test('an error in plain text', async t => {
    const { connection } = await loopbackServer(t, response => {
      response.writeHead(502)
      response.end('bad gateway')
    })
    const kube = createKubeClient(connection)
    t.teardown(kube.close)
    t.match(await rejection(kube.get(CONFIG_MAP, REF)), { status: 502, message: /bad gateway/ })
  })
})

t.test('find has no object where get has an error', async t => {
  const { connection } = await loopbackServer(t, json(404, { reason: 'NotFound', message: 'none' }))
  const kube = createKubeClient(connection)
  t.teardown(kube.close)
  t.equal(await kube.find(CONFIG_MAP, REF), undefined)
  t.match(await rejection(kube.get(CONFIG_MAP, REF)), { status: 404, reason: 'NotFound' })
})
