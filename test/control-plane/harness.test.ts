import { statSync } from 'node:fs'
import t from 'tap'
import { startControlPlane } from '../cluster/control-plane.ts'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { create, kubectl } from '../fixtures/cluster/kubectl.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'

t.test('the shared control plane answers kubectl', async t => {
  const { server } = await controlPlane()
  t.match(server, /^https:\/\//)
  t.match(await kubectl(['version', '-o', 'json']), /"gitVersion": "v1\.35\.4"/)
})

t.test('a test namespace takes objects and has a service account', async t => {
  const namespace = await testNamespace(t)
  await create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace } })
  t.match(await kubectl(['get', 'configmap', 'a', '-n', namespace, '-o', 'name']), 'configmap/a')
  await eventually(() => kubectl(['get', 'serviceaccount', 'default', '-n', namespace]))
})

t.test('a control plane of its own', async t => {
  const own = await startControlPlane()
  t.teardown(() => own.stop())
  const options = { kubeconfig: own.kubeconfig }

  await t.test('keeps its objects when the API server restarts', async t => {
    const namespace = await testNamespace(t, options)
    const before = own.apiServerPid
    await own.restartApiServer()
    t.not(own.apiServerPid, before)
    t.match(
      await kubectl(['get', 'namespace', namespace, '-o', 'name'], undefined, options),
      namespace,
    )
  })

  await t.test('compacts etcd to its current revision', async t => {
    t.ok((await own.compact()) > 1)
  })

  await t.test('does not let others read its kubeconfig', t => {
    t.equal(statSync(own.kubeconfig).mode & 0o077, 0)
    t.end()
  })
})
