import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'

/** Refuses, and says what it was asked for. */
const refusingProxy = async (t: Test) => {
  const asked: string[] = []
  const server = createServer()
  server.on('connect', ({ url = '' }, socket) => {
    asked.push(url)
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void server.close())
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const FETCH = "await fetch('https://hub.invalid/a').catch(() => undefined)"

t.test('fetch goes through a proxy where the operator sets its variables', async t => {
  const { asked, url } = await refusingProxy(t)
  const fetches = (env: Readonly<Record<string, string>>) =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', FETCH], { env })
  await fetches({ HTTPS_PROXY: url })
  t.strictSame(asked, [], 'Node does not look at it by itself')
  await fetches({ HTTPS_PROXY: url, NODE_USE_ENV_PROXY: '1', NO_PROXY: 'hub.invalid' })
  t.strictSame(asked, [])
  await fetches({ HTTPS_PROXY: url, NODE_USE_ENV_PROXY: '1', NO_PROXY: '.svc' })
  t.strictSame(asked, ['hub.invalid:443'])
})
