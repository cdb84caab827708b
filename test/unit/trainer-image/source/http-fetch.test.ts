import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createSocketServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { fetchDataFile } from '../../../../trainer-image/src/source/fetch-data-file.ts'
import { httpFetch } from '../../../../trainer-image/src/source/http-fetch.ts'
import { fetchOptions } from '../../../fixtures/hub/fetch-options.ts'

const listen = async (t: Test, server: Server) => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
const serve = async (
  t: Test,
  handler: (request: IncomingMessage, response: ServerResponse) => unknown,
) => {
  const server = createServer(handler)
  t.teardown(() => server.closeAllConnections())
  return listen(t, server)
}
const BYTES = Buffer.alloc(4_000_000, 7)

t.test('a server that closes its connection under a large answer', async t => {
  for (const how of ['with its length', 'without'])
    t.test(how, async t => {
      const length = how === 'without' ? '' : `Content-Length: ${BYTES.length}\r\n`
      const server = createSocketServer(socket => {
        socket.on('error', () => {})
        socket.once('data', () => {
          socket.write(`HTTP/1.0 200 OK\r\n${length}\r\n`)
          socket.end(BYTES)
        })
      })
      const url = await listen(t, server)
      const response = await httpFetch(`${url}/x`)
      let bytes = 0
      // a slow reader still has most of it before it when the connection closes
      for await (const chunk of response.body ?? []) {
        bytes += chunk.length
        await sleep(1)
      }
      t.equal(bytes, BYTES.length)
      const file = await fetchDataFile(`${url}/x.jsonl`, fetchOptions(t.testdir()))
      t.ok(readFileSync(file.path).equals(BYTES))
    })
})

t.test('an answer that breaks off is an error of its reader', async t => {
  const url = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': BYTES.length })
    response.write(BYTES.subarray(0, 100_000), () => response.destroy())
  })
  const response = await httpFetch(url)
  await t.rejects(response.arrayBuffer(), { code: 'ECONNRESET' })
  const unread = await httpFetch(url)
  await sleep(20)
  t.ok(unread.ok, 'and of nobody where it has none')
})

t.test('sends method, headers and body, and gives status, headers and body', async t => {
  const url = await serve(t, async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    response.writeHead(207, { 'x-method': request.method, 'x-asked': request.headers['x-asked'] })
    response.end(Buffer.concat(chunks))
  })
  const headers = { 'x-asked': 'yes', 'content-type': 'application/json' }
  const response = await httpFetch(new URL(url), { method: 'POST', headers, body: '{"a":"é"}' })
  t.equal(response.status, 207)
  t.equal(response.headers.get('x-method'), 'POST')
  t.equal(response.headers.get('x-asked'), 'yes')
  t.same(await response.json(), { a: 'é' })
})

t.test('follows redirects, with the token to its own origin only', async t => {
  const seen: (readonly [string, string | undefined, string | undefined])[] = []
  const record = (where: string, { headers }: IncomingMessage) =>
    seen.push([where, headers.authorization, headers.range])
  const other = await serve(t, (request, response) => {
    record('other', request)
    response.end('there')
  })
  const url = await serve(t, (request, response) => {
    record(request.url ?? '', request)
    response.writeHead(302, { location: request.url === '/a' ? '/b' : other }).end()
  })
  const headers = { authorization: 'Bearer secret', range: 'bytes=0-9' }
  t.equal(await (await httpFetch(`${url}/a`, { headers })).text(), 'there')
  t.strictSame(seen, [
    ['/a', 'Bearer secret', 'bytes=0-9'],
    ['/b', 'Bearer secret', 'bytes=0-9'],
    ['other', undefined, 'bytes=0-9'],
  ])
  const manual = await httpFetch(`${url}/a`, { redirect: 'manual' })
  t.equal(manual.status, 302)
  t.equal(manual.headers.get('location'), '/b')
})

t.test('gives up on redirects without end, and on what is none', async t => {
  const url = await serve(t, (request, response) =>
    response.writeHead(302, { location: request.url === '/x' ? 'file:///etc/passwd' : '/' }).end(),
  )
  const cause = (path: string) => httpFetch(`${url}${path}`).catch(error => String(error.cause))
  t.match(await cause('/'), 'redirected more than 20 times')
  t.match(await cause('/x'), 'redirected to no address')
})

t.test('an abort ends the wait for an answer and the answer itself, with its reason', async t => {
  const url = await serve(t, (request, response) => {
    if (request.url === '/never') return
    response.writeHead(200)
    response.write('begun')
  })
  for (const path of ['/never', '/half']) {
    const controller = new AbortController()
    const read = httpFetch(`${url}${path}`, { signal: controller.signal }).then(answer =>
      answer.text(),
    )
    setTimeout(() => controller.abort(new Error('enough')), 20)
    await t.rejects(read, { message: 'enough' }, path)
  }
})

t.test('a refused connection has the code of the system', async t => {
  const error = await httpFetch('http://127.0.0.1:1/').catch((caught: Error) => caught)
  t.match(error, { message: 'fetch failed', cause: { code: 'ECONNREFUSED' } })
})

t.test('an encoding that nobody asked for is refused', async t => {
  const url = await serve(t, (_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
  )
  await t.rejects(httpFetch(url), { cause: { message: /encoded by gzip/ } })
})
