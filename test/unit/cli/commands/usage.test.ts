import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { attune } from '../../../fixtures/cli/attune.ts'

const fails = async (t: Test, args: readonly string[], says: RegExp, env = {}) => {
  const { code, stdout, stderr } = await attune(['usage', ...args], env).ended
  const name = args.join(' ')
  t.equal(code, 1, name)
  t.equal(stdout, '', name)
  t.match(stderr, says, name)
  t.notMatch(stderr, /\n\s+at /, 'no stack trace')
}

t.test('mistakes are told in a line', async t => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const closed = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await new Promise(resolve => server.close(resolve))
  await fails(t, ['--prometheus', 'localhost:9090'], /is no http or https URL/)
  await fails(t, ['--prometheus', 'http://me:secret@p'], /a user or a password cannot be given/)
  await fails(t, ['--prometheus', closed, '--since', 'yesterday'], /is no time like 90m, 24h/)
  await fails(t, ['--prometheus', closed], /cannot be asked: ECONNREFUSED/)
  await fails(t, ['--since', '7d'], /--since needs --prometheus/)
  await fails(t, ['-n', 'Team A'], /"Team A" is no name of a namespace/)
  await fails(t, ['-n', 'a', '-A'], /exclude each other/)
  await fails(
    t,
    ['--kubeconfig', '/nowhere/config'],
    /\/nowhere\/config names no cluster: no such file or folder/,
  )
})

t.test('without a cluster, it says how to name one', async t => {
  const env = { HOME: t.testdir(), KUBECONFIG: '', KUBERNETES_SERVICE_HOST: '' }
  await fails(t, [], /^no cluster: give --kubeconfig FILE or \$KUBECONFIG/, env)
})

t.test('a cluster that does not answer as one', async t => {
  const replies: Readonly<Record<string, [number, object]>> = {
    '/apis/attune.dev/v1alpha1/namespaces/team-a/instructiontuningjobs': [
      403,
      { kind: 'Status', code: 403, reason: 'Forbidden', message: 'no' },
    ],
  }
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    const [status, body] = replies[path] ?? [404, { kind: 'Status', code: 404, reason: 'NotFound' }]
    response.writeHead(status).end(JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const kubeconfig = join(t.testdir(), 'config')
  const cluster = { name: 'c', cluster: { server: url, 'insecure-skip-tls-verify': true } }
  const context = { name: 'x', context: { cluster: 'c', user: 'u', namespace: 'team-a' } }
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'x', clusters: [cluster] },
    ...{ contexts: [context], users: [{ name: 'u', user: {} }] },
  }
  writeFileSync(kubeconfig, JSON.stringify(config))
  const env = { KUBECONFIG: kubeconfig }
  await fails(t, [], /you may not list InstructionTuningJobs in namespace team-a of http/, env)
  await fails(t, ['-A'], /does not know InstructionTuningJobs: install Attune/, env)
  await fails(t, ['--context', 'other'], /names no cluster/, env)
})
