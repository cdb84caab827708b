import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadKubeConnection } from '../../../../operator/src/kube/kube-config.ts'

const kubeconfig = (user: object, cluster: object = {}) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://example.test:6443/base', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'tenant' } }],
    'current-context': 'x',
  })

const write = (t: { testdir(files: { config: string }): string }, text: string) =>
  join(t.testdir({ config: text }), 'config')

t.test('reads server, namespace, token and authority', async t => {
  const authority = Buffer.from('PEM').toString('base64')
  const file = write(
    t,
    kubeconfig({ token: 'secret' }, { 'certificate-authority-data': authority }),
  )
  const connection = loadKubeConnection({ kubeconfig: file })
  t.equal(connection.server.href, 'https://example.test:6443/base')
  t.equal(connection.namespace, 'tenant')
  const { headers, tls, proxyAgent } = await connection.credentials()
  t.strictSame(headers, { Authorization: 'Bearer secret' })
  t.equal(String(tls.ca), 'PEM')
  t.equal(proxyAgent, undefined)
})

t.test('takes a password as basic authorization', async t => {
  const file = write(t, kubeconfig({ username: 'me', password: 'pass' }))
  const { headers } = await loadKubeConnection({ kubeconfig: file }).credentials()
  t.strictSame(headers, { Authorization: 'Basic bWU6cGFzcw==' })
})

t.test('takes up a new client certificate after a while', async t => {
  const folder = t.testdir({ cert: 'one', key: 'key' })
  writeFileSync(
    join(folder, 'config'),
    kubeconfig({ 'client-certificate': 'cert', 'client-key': 'key' }),
  )
  let now = 0
  const connection = loadKubeConnection({ kubeconfig: join(folder, 'config'), now: () => now })
  const certificate = async () => String((await connection.credentials()).tls.cert)
  t.equal(await certificate(), 'one')
  writeFileSync(join(folder, 'cert'), 'two')
  t.equal(await certificate(), 'one')
  now = 10_000
  t.equal(await certificate(), 'two')
})

t.test('goes through the proxy of the cluster', async t => {
  const file = write(t, kubeconfig({}, { 'proxy-url': 'http://proxy.test:3128' }))
  const { proxyAgent } = await loadKubeConnection({ kubeconfig: file }).credentials()
  t.ok(proxyAgent)
})

t.test('fails at the start where there is nothing to connect to', t => {
  const file = write(t, kubeconfig({}))
  t.throws(() => loadKubeConnection({ kubeconfig: file, context: 'other' }), {
    message: 'no cluster in context other: check the kubeconfig',
  })
  t.throws(() => loadKubeConnection({ kubeconfig: `${file}.none` }), { code: 'ENOENT' })
  t.end()
})
