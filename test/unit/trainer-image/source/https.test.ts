import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { fetchDataFile } from '../../../../trainer-image/src/source/fetch-data-file.ts'
import { fetchModel } from '../../../../trainer-image/src/source/fetch-model.ts'
import { fetchOptions } from '../../../fixtures/hub/fetch-options.ts'
import { answerRange, type Faults } from '../../../fixtures/hub/http-answers.ts'

const BYTES = Buffer.alloc(100_000, 7)

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown

const serve = async (t: Test, handler: Handler) => {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    handler(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, requests, options: fetchOptions(t.testdir()) }
}

const redirect = (response: ServerResponse, location: string) =>
  response.writeHead(302, { location }).end()

t.test('fetches a file through redirects, under its own name', async t => {
  const { url, options } = await serve(t, (request, response) =>
    request.url === '/start/train.jsonl'
      ? redirect(response, '/elsewhere/blob')
      : answerRange(request, response, BYTES, { etag: '"1"' }),
  )
  const file = await fetchDataFile(`${url}/start/train.jsonl?x=1`, options)
  t.strictSame(readdirSync(options.destination), ['train.jsonl'])
  t.ok(readFileSync(file.path).equals(BYTES))
})

t.test('fetches a GGUF model', async t => {
  const { url, options } = await serve(t, (request, response) =>
    answerRange(request, response, BYTES, {}),
  )
  const model = await fetchModel(`${url}/some/Model.Q8_0.gguf`, options)
  t.match(model.files, [{ name: 'model.gguf', bytes: BYTES.length }])
})

t.test('goes on where the connection broke, if the content is still the same', async t => {
  const faults: Faults = { cut: 60_000 }
  const { url, requests, options } = await serve(t, (request, response) =>
    answerRange(request, response, BYTES, { etag: '"1"' }, faults),
  )
  const file = await fetchDataFile(`${url}/x.jsonl`, options)
  t.ok(readFileSync(file.path).equals(BYTES))
  t.match(requests[1]?.headers, { range: /^bytes=[1-9]\d*-$/, 'if-range': '"1"' })
})

t.test('starts anew when the content changed in between', async t => {
  const faults: Faults = { cut: 60_000 }
  const other = Buffer.alloc(90_000, 8)
  let answers = 0
  const { url, options } = await serve(t, (request, response) => {
    answers++
    const [bytes, etag] = answers === 1 ? ([BYTES, '"1"'] as const) : ([other, '"2"'] as const)
    answerRange(request, response, bytes, { etag }, faults)
  })
  const file = await fetchDataFile(`${url}/x.jsonl`, options)
  t.ok(readFileSync(file.path).equals(other))
})

t.test('leaves nothing of a file that never comes whole', async t => {
  const { url, options } = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': 1000 })
    response.write('half', () => response.destroy())
  })
  await t.rejects(fetchDataFile(`${url}/x.jsonl`, options), { message: /after 3 attempts/ })
  t.strictSame(readdirSync(options.destination), [])
})

const STATUS = [
  [401, 'SourceForbidden'],
  [403, 'SourceForbidden'],
  [404, 'SourceNotFound'],
  [410, 'SourceNotFound'],
  [400, 'SourceNotFound'],
] as const
for (const [status, reason] of STATUS)
  t.test(`HTTP ${status} is ${reason}, at the first attempt`, async t => {
    const { url, requests, options } = await serve(t, (_, response) =>
      response.writeHead(status).end(),
    )
    const uri = `${url}/x.jsonl`
    await t.rejects(fetchDataFile(uri, options), { name: 'StageError', reason, message: uri })
    t.equal(requests.length, 1)
    t.strictSame(readdirSync(options.destination), [])
  })

t.test('never shows what may be a signature', async t => {
  const { url, options } = await serve(t, (_, response) => response.writeHead(403).end())
  const error = await fetchDataFile(`${url}/x.jsonl?signature=secret`, options).catch(String)
  t.match(error, /x\.jsonl refused access/)
  t.notMatch(error, /secret/)
})

t.test('refuses to be redirected for ever, or away from https', async t => {
  const invalid = { name: 'StageError', reason: 'InvalidSpec' }
  const loop = await serve(t, (_, response) => redirect(response, '/again'))
  await t.rejects(fetchDataFile(`${loop.url}/x.jsonl`, loop.options), {
    ...invalid,
    message: /more than 5 times/,
  })
  t.equal(loop.requests.length, 6)
  const away = await serve(t, (_, response) => redirect(response, 'http://192.0.2.1/x'))
  await t.rejects(fetchDataFile(`${away.url}/x.jsonl`, away.options), {
    ...invalid,
    message: /http:\/\/192\.0\.2\.1.*not https/,
  })
})

t.test('a model by https must be one GGUF file', async t => {
  await t.rejects(fetchModel('https://host/model.safetensors', fetchOptions(t.testdir())), {
    name: 'StageError',
    reason: 'InvalidSpec',
    message: /\.gguf/,
  })
})
