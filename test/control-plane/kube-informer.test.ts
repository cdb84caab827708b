import t from 'tap'
import { createInformer } from '../../operator/src/kube/informer.ts'
import { controllerReference } from '../../operator/src/kube/kube-object.ts'
import { silentLog } from '../../operator/src/kube/log.ts'
import { controllerKeys } from '../../operator/src/kube/predicates.ts'
import { runWorkers } from '../../operator/src/kube/run-workers.ts'
import { createWorkQueue } from '../../operator/src/kube/work-queue.ts'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { CONFIG_MAP } from '../fixtures/kube/an-object.ts'
import { kubeClient } from '../fixtures/kube/kube-client.ts'

t.test('a child wakes the worker of its owner', async t => {
  const { kubeconfig } = await controlPlane()
  const client = kubeClient(t, { kubeconfig })
  const namespace = await testNamespace(t)
  const apply = (name: string, metadata: object = {}) =>
    client.apply(
      CONFIG_MAP,
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, ...metadata } },
      { fieldManager: 'test' },
    )
  const owner = await apply('owner')
  const ownerReferences = [controllerReference(owner)]
  const informer = createInformer({
    client,
    kind: CONFIG_MAP,
    namespace,
    labelSelector: 'role=child',
    log: silentLog,
  })
  const queue = createWorkQueue()
  const seen: string[] = []
  informer.subscribe({
    keysOf: controllerKeys({ group: '', kind: 'ConfigMap' }),
    handle: queue.add,
  })
  const stop = new AbortController()
  const running = informer.run(stop.signal)
  await informer.whenSynced()
  const working = runWorkers({
    queue,
    workers: 2,
    log: silentLog,
    reconcile: async key => {
      const children = informer.ownedBy(owner.metadata.uid ?? '')
      seen.push(`${key}: ${children.map(({ metadata }) => metadata.name).join(' ')}`)
      return undefined
    },
  })
  const expectLast = (line: string) =>
    eventually(() => {
      if (seen.at(-1) !== line) throw new Error(`${seen.at(-1)} instead of ${line}`)
    })

  await apply('child', { labels: { role: 'child' }, ownerReferences })
  await expectLast(`${namespace}/owner: child`)
  // without its label the object leaves the selection, though it is still there
  await apply('child', { ownerReferences })
  await expectLast(`${namespace}/owner: `)
  t.ok(await client.find(CONFIG_MAP, { namespace, name: 'child' }))

  stop.abort()
  await running
  queue.shutDown()
  await working
  await queue.drained()
})
