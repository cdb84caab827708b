import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createHubClient } from '../../../../operator/src/base-model/hub-client.ts'
import { hubModelOf } from '../../../../operator/src/base-model/hub-model.ts'
import { createReadSource } from '../../../../operator/src/base-model/read-source.ts'
import { type HubRepo, startHub } from '../../../fixtures/hub/hub-server.ts'

const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const LLAMA = { architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_act: 'silu' }

const repo = (name: string, files: HubRepo['files'], more: Partial<HubRepo> = {}): HubRepo => ({
  type: 'model',
  name,
  commit: COMMIT,
  files,
  ...more,
})
const config = (json: object) => ({ 'config.json': JSON.stringify(json) })

const lookAt = (
  endpoint: string,
  uri: string,
  timeoutMs = 5_000,
  proxy?: Parameters<typeof createHubClient>[1],
) => {
  const model = hubModelOf(uri)
  if (typeof model === 'string') throw new Error(model)
  return createReadSource({ hub: createHubClient(endpoint, proxy), timeoutMs })(model)
}

const server = async (t: Test, listener: RequestListener) => {
  const listening = createServer(listener)
  await new Promise<void>(resolve => listening.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    listening.close()
    listening.closeAllConnections()
  })
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
}
/** Says which commit it is, and leaves the file to the test. */
const hubWith = (t: Test, file: RequestListener) =>
  server(t, (request, response) => {
    if (!request.url?.startsWith('/api/')) return file(request, response)
    return response.end(JSON.stringify({ sha: COMMIT }))
  })

t.test('a hub', async t => {
  const rope = { ...LLAMA, rope_scaling: { rope_type: 'spiral' } }
  const hub = await startHub([
    repo('a/llama', config(LLAMA), { parameters: 135 }),
    repo('a/mamba', config({ architectures: ['MambaForCausalLM'], model_type: 'mamba' })),
    repo('a/rope', config(rope)),
    repo('a/broken', { 'config.json': '[' }),
    repo('a/gguf', { 'm.gguf': 'x'.repeat(2000), 'small.gguf': 'x' }),
    repo('a/gated', config(LLAMA), { gated: true }),
    repo('a/private', config(LLAMA), { token: 'secret' }),
  ])
  t.teardown(hub.close)
  const cases = {
    'hf://a/llama': {
      kind: 'config',
      architectures: ['LlamaForCausalLM'],
      parameters: 135,
      revision: COMMIT,
      unsupported: undefined,
    },
    [`hf://a/llama@${COMMIT}`]: { kind: 'config' },
    'hf://a/mamba': { kind: 'config', unsupported: /mamba/ },
    'hf://a/rope': { kind: 'config', unsupported: /spiral/ },
    'hf://a/broken': { reason: 'ModelMalformed' },
    'hf://a/gguf': { reason: 'NotVerifiable', revision: COMMIT },
    'hf://a/gguf/m.gguf': { reason: 'NotVerifiable', revision: COMMIT },
    'hf://a/gguf/small.gguf': { reason: 'NotVerifiable' },
    'hf://a/gguf/other.gguf': { reason: 'SourceNotFound' },
    'hf://a/llama@v9': { reason: 'SourceNotFound' },
    'hf://a/gated': { reason: 'SourceForbidden', revision: COMMIT },
    'hf://a/private': { reason: 'SourceForbidden' },
    // to a stranger the same as a private one
    'hf://a/none': { reason: 'SourceForbidden' },
  }
  for (const [uri, expected] of Object.entries(cases))
    t.match(await lookAt(hub.url, uri), expected, uri)
  t.ok(
    hub.requests.every(({ origin }) => origin === 'hub'),
    'no other host is asked',
  )
  t.ok(
    hub.requests.every(({ authorization }) => authorization === undefined),
    'without a token',
  )
})

t.test('a hub that is busy, or says nothing of use', async t => {
  for (const [name, listener] of Object.entries<RequestListener>({
    busy: (_, response) => response.writeHead(503).end(),
    throttling: (_, response) => response.writeHead(429).end(),
    'of another kind': (_, response) => response.end('<html>'),
    'without commits': (_, response) => response.end('{"sha":"main"}'),
    'that cuts the connection': request => request.socket.destroy(),
  })) {
    const found = await lookAt(await server(t, listener), 'hf://a/b')
    t.match(found, { reason: 'SourceUnreachable', message: /^hf:\/\/a\/b: / }, name)
  }
  t.match(await lookAt('http://127.0.0.1:1', 'hf://a/b'), { reason: 'SourceUnreachable' })
})

t.test('a hub that never ends is left', async t => {
  const slow = await server(t, (_, response) => void response.write('{'))
  t.match(await lookAt(slow, 'hf://a/b', 50), {
    reason: 'SourceUnreachable',
    message: 'hf://a/b: no answer in time',
  })
})

t.test('what is too long is not read to its end', async t => {
  let sent = 0
  const chunk = Buffer.alloc(1024 * 1024, ' ')
  const endless = await hubWith(t, (_, response) => {
    const send = () => {
      sent += 1
      if (!response.destroyed) response.write(chunk, send)
    }
    send()
  })
  t.match(await lookAt(endless, 'hf://a/b'), { reason: 'ModelMalformed', message: /4194304 bytes/ })
  t.ok(sent < 1000)
})

t.test('redirects', async t => {
  const asked: string[] = []
  const inside = await server(t, (request, response) => {
    asked.push(request.url ?? '')
    response.end(JSON.stringify(LLAMA))
  })

  await t.test('to another host are not followed', async t => {
    for (const location of [
      `${inside}/latest/meta-data`,
      'http://169.254.169.254/',
      'file:///etc',
    ]) {
      const hub = await hubWith(t, (_, response) => response.writeHead(302, { location }).end())
      t.match(await lookAt(hub, 'hf://a/b'), { reason: 'NotVerifiable' }, location)
    }
    const renamed = await server(t, (_, response) =>
      response.writeHead(307, { location: inside }).end(),
    )
    t.match(await lookAt(renamed, 'hf://a/b'), { reason: 'NotVerifiable' })
    t.strictSame(asked, [])
  })

  await t.test('within the hub are', async t => {
    const hub = await hubWith(t, (request, response) => {
      if (request.url === '/cache/config.json') return response.end(JSON.stringify(LLAMA))
      return response.writeHead(307, { location: '/cache/config.json' }).end()
    })
    t.match(await lookAt(hub, 'hf://a/b'), { kind: 'config' })
  })

  await t.test('in a circle end', async t => {
    const hub = await hubWith(t, (_, response) =>
      response.writeHead(302, { location: '/again' }).end(),
    )
    t.match(await lookAt(hub, 'hf://a/b'), { reason: 'NotVerifiable' })
  })
})

t.test('a mirror below a path', async t => {
  const urls: string[] = []
  const mirror = await server(t, (request, response) => {
    urls.push(request.url ?? '')
    response.end(JSON.stringify({ ...LLAMA, sha: COMMIT }))
  })
  t.match(await lookAt(`${mirror}/hub/`, 'hf://a/b@v1'), { kind: 'config' })
  t.strictSame(urls, [
    '/hub/api/models/a/b/revision/v1?expand=sha&expand=safetensors',
    `/hub/a/b/resolve/${COMMIT}/config.json`,
  ])
})

t.test('a proxy', async t => {
  const asked: string[] = []
  const url = await server(t, (request, response) => {
    asked.push(request.url ?? '')
    response.end(JSON.stringify({ ...LLAMA, sha: COMMIT }))
  })

  await t.test('is asked for a hub that nothing else reaches', async t => {
    asked.length = 0
    const found = await lookAt('http://hub.invalid', 'hf://a/b', 5_000, { url })
    t.match(found, { kind: 'config', revision: COMMIT })
    t.strictSame(asked, [
      'http://hub.invalid/api/models/a/b/revision/main?expand=sha&expand=safetensors',
      `http://hub.invalid/a/b/resolve/${COMMIT}/config.json`,
    ])
  })

  await t.test('is asked for a connection to a hub behind TLS, and sees no more', async t => {
    const connected: string[] = []
    const closed = createServer().on('connect', (request, socket) => {
      connected.push(request.url ?? '')
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    })
    await new Promise<void>(resolve => closed.listen(0, '127.0.0.1', resolve))
    t.teardown(() => closed.close())
    const { port } = closed.address() as AddressInfo
    const proxy = { url: `http://127.0.0.1:${port}` }
    const found = await lookAt('https://hub.invalid', 'hf://a/b', 5_000, proxy)
    t.match(found, { reason: 'SourceUnreachable' })
    t.strictSame(connected, ['hub.invalid:443'])
  })

  await t.test('is not asked for a host of noProxy', async t => {
    asked.length = 0
    const direct = await hubWith(t, (_, response) => response.end(JSON.stringify(LLAMA)))
    const proxy = { url, noProxy: 'example.org,127.0.0.1' }
    t.match(await lookAt(direct, 'hf://a/b', 5_000, proxy), { kind: 'config' })
    t.strictSame(asked, [])
  })
})
