import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createKubeClient } from '../../operator/src/kube/client.ts'
import { loadKubeConnection } from '../../operator/src/kube/kube-config.ts'
import type { Manifest } from '../../operator/src/kube/kube-client.ts'
import {
  isAlreadyExists,
  isConflict,
  isForbidden,
  isInvalid,
  isNotFound,
} from '../../operator/src/kube/kube-error.ts'
import { defineKind, type KubeObject } from '../../operator/src/kube/kube-object.ts'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { CONFIG_MAP } from '../fixtures/kube/an-object.ts'
import { kubeClient } from '../fixtures/kube/kube-client.ts'
import { rejection } from '../fixtures/kube/rejection.ts'

type NodeStatus = { readonly capacity?: Readonly<Record<string, string>> }
const NODE = defineKind<KubeObject<unknown, NodeStatus>>({
  group: '',
  version: 'v1',
  plural: 'nodes',
  kind: 'Node',
  namespaced: false,
})
const fieldManager = 'test'

const configMap = (namespace: string, name: string, data = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name },
  data,
})

t.test('the client', async t => {
  const { kubeconfig } = await controlPlane()
  const kube = kubeClient(t, { kubeconfig })
  const namespace = await testNamespace(t)

  await t.test('applies twice without a new version', async t => {
    const manifest = configMap(namespace, 'applied', { k: 'v' })
    const first = await kube.apply(CONFIG_MAP, manifest, { fieldManager })
    const second = await kube.apply(CONFIG_MAP, manifest, { fieldManager })
    t.ok(first.metadata.resourceVersion)
    t.equal(second.metadata.resourceVersion, first.metadata.resourceVersion)
    const changed = configMap(namespace, 'applied', {})
    const third = await kube.apply(CONFIG_MAP, changed, { fieldManager })
    t.notOk(third.data?.['k'], 'what is no longer applied is gone')
  })

  await t.test('does not take fields from others unless it is told to', async t => {
    const theirs = configMap(namespace, 'shared', { k: 'theirs' })
    await kube.apply(CONFIG_MAP, theirs, { fieldManager: 'other' })
    const ours = configMap(namespace, 'shared', { k: 'ours' })
    const error = await rejection(kube.apply(CONFIG_MAP, ours, { fieldManager }))
    t.ok(isConflict(error))
    t.match(error, { details: { causes: [{ reason: 'FieldManagerConflict' }] } })
    const taken = await kube.apply(CONFIG_MAP, ours, { fieldManager, force: true })
    t.equal(taken.data?.['k'], 'ours')
  })

  await t.test('creates once', async t => {
    const manifest = configMap(namespace, 'created')
    const { metadata } = await kube.create(CONFIG_MAP, manifest)
    t.match(metadata, { name: 'created', uid: String })
    t.ok(isAlreadyExists(await rejection(kube.create(CONFIG_MAP, manifest))))
  })

  await t.test('patches only the version it names', async t => {
    const ref = { namespace, name: 'patched' }
    const { metadata } = await kube.create(CONFIG_MAP, configMap(namespace, 'patched'))
    const { resourceVersion } = metadata
    const patched = await kube.patch(CONFIG_MAP, ref, {
      metadata: { resourceVersion },
      data: { k: 'v' },
    })
    t.equal(patched.data?.['k'], 'v')
    const stale = kube.patch(CONFIG_MAP, ref, { metadata: { resourceVersion }, data: { k: 'w' } })
    t.ok(isConflict(await rejection(stale)))
  })

  await t.test('replaces a part of the version it names, and nothing else', async t => {
    const ref = { namespace, name: 'replaced' }
    const manifest = configMap(namespace, 'replaced', { k: 'v', more: 'theirs' })
    const { metadata } = await kube.create(CONFIG_MAP, manifest)
    const to = (k: string) =>
      [
        { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
        { op: 'add', path: '/data', value: { k } },
      ] as const
    const replaced = await kube.patch(CONFIG_MAP, ref, to('w'))
    t.strictSame(replaced.data, { k: 'w' })
    t.equal(replaced.metadata.uid, metadata.uid)
    t.ok(isConflict(await rejection(kube.patch(CONFIG_MAP, ref, to('x')))))
  })

  await t.test('deletes only the object it means', async t => {
    const ref = { namespace, name: 'deleted' }
    const { metadata } = await kube.create(CONFIG_MAP, configMap(namespace, 'deleted'))
    const other = kube.delete(CONFIG_MAP, ref, { preconditions: { uid: randomUUID() } })
    t.ok(isConflict(await rejection(other)))
    await kube.delete(CONFIG_MAP, ref, {
      propagationPolicy: 'Background',
      gracePeriodSeconds: 0,
      preconditions: { uid: metadata.uid, resourceVersion: metadata.resourceVersion },
    })
    t.equal(await kube.find(CONFIG_MAP, ref), undefined)
    t.ok(isNotFound(await rejection(kube.delete(CONFIG_MAP, ref))))
  })

  await t.test('applies the status of a cluster-scoped object, and nothing else of it', async t => {
    const name = `test-${randomUUID()}`
    const manifest = { apiVersion: 'v1', kind: 'Node', metadata: { name } }
    await kube.create(NODE, manifest)
    t.teardown(() => kube.delete(NODE, { name }))
    const status = { capacity: { 'nvidia.com/gpu': '8' } }
    const spec = { unschedulable: true }
    const applied = await kube.applyStatus(NODE, { ...manifest, spec, status }, { fieldManager })
    t.match(applied.status, status)
    t.notMatch(applied.spec, spec)
  })

  await t.test('says what is wrong with an object', async t => {
    const error = await rejection(kube.create(CONFIG_MAP, configMap(namespace, 'Upper')))
    t.ok(isInvalid(error))
    t.match(error, { name: 'KubeError', status: 422, message: /metadata\.name.*"Upper"/s })
  })

  await t.test('says when it has no rights', async t => {
    const headers = { Authorization: 'Bearer nobody' }
    const connection = loadKubeConnection({ kubeconfig })
    const { tls } = await connection.credentials()
    const { ca, rejectUnauthorized } = tls
    const credentials = async () => ({ headers, tls: { ca, rejectUnauthorized } })
    const nobody = createKubeClient({ ...connection, credentials })
    t.teardown(nobody.close)
    t.ok(isForbidden(await rejection(nobody.list(CONFIG_MAP, { namespace }))))
  })
})
