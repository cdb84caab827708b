import t from 'tap'
import type { KubeClient } from '../../operator/src/kube/kube-client.ts'
import { isGone } from '../../operator/src/kube/kube-error.ts'
import { startControlPlane } from '../cluster/control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { CONFIG_MAP } from '../fixtures/kube/an-object.ts'
import { kubeClient } from '../fixtures/kube/kube-client.ts'
import { mirror } from '../fixtures/kube/mirror.ts'
import { recordingLog } from '../fixtures/kube/recording-log.ts'
import { tcpProxy } from '../fixtures/kube/tcp-proxy.ts'

const namespace = 'default'
const fromDirect = (kube: KubeClient, prefix: string) => {
  const labels = { test: prefix }
  return {
    labelSelector: `test=${prefix}`,
    create: (name: string) =>
      kube.create(CONFIG_MAP, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { namespace, name, labels },
      }),
    remove: (name: string) => kube.delete(CONFIG_MAP, { namespace, name }),
  }
}
const until = (story: readonly string[], line: string, times = 1) =>
  eventually(() => {
    const count = story.filter(told => told === line).length
    if (count < times) throw new Error(`${line}: ${count} of ${times} in ${story.join(', ')}`)
  })

t.test('with the watch cache', async t => {
  const plane = await startControlPlane()
  t.teardown(plane.stop)
  const { kubeconfig } = plane
  const kube = kubeClient(t, { kubeconfig })

  await t.test('a cut connection loses nothing and lists nothing', async t => {
    const { labelSelector, create, remove } = fromDirect(kube, 'cut')
    const proxy = await tcpProxy(t, plane.server)
    const through = kubeClient(t, { kubeconfig, server: proxy.url })
    await create('cut-a')
    const { story, lists, restarts } = mirror(t, through, { namespace, labelSelector })
    await until(story, 'synced')
    proxy.block()
    await create('cut-b')
    await remove('cut-a')
    await create('cut-a')
    proxy.open()
    await until(story, 'set cut-a', 2)
    t.strictSame(story, ['set cut-a', 'synced', 'set cut-b', 'deleted cut-a', 'set cut-a'])
    t.equal(lists.length, 1)
    t.ok(restarts.length > 0 && restarts.every(reason => reason === 'failed'))
  })

  await t.test('a connection that died in silence is given up', async t => {
    const { labelSelector, create } = fromDirect(kube, 'silent')
    const proxy = await tcpProxy(t, plane.server)
    const through = kubeClient(t, { kubeconfig, server: proxy.url })
    const { story, lists, watches, restarts } = mirror(t, through, {
      namespace,
      labelSelector,
      watchSeconds: { min: 1, max: 1 },
    })
    await until(story, 'synced')
    await eventually(() => {
      if (watches.length === 0) throw new Error('no watch yet')
    })
    proxy.freeze()
    await create('silent-a')
    await until(story, 'set silent-a')
    t.ok(restarts.includes('stalled'))
    t.equal(lists.length, 1)
  })

  await t.test('a quiet stretch is resumed from its bookmark without a list', async t => {
    const { labelSelector, create } = fromDirect(kube, 'quiet')
    const noise = fromDirect(kube, 'noise')
    await create('quiet-a')
    const { story, lists, watches, restarts, bookmarks } = mirror(t, kube, {
      namespace,
      labelSelector,
      // the server sends a bookmark two seconds before it ends a watch
      watchSeconds: { min: 4, max: 4 },
    })
    await until(story, 'synced')
    const { metadata } = await noise.create('noise-a')
    // the first bookmark may have come before the noise
    await eventually(() => {
      const last = Number(watches.at(-1)?.resourceVersion)
      if (!(last >= Number(metadata.resourceVersion))) throw new Error(`watched from ${last}`)
    })
    t.ok(Number(watches[0]?.resourceVersion) < Number(metadata.resourceVersion))
    t.ok(bookmarks() > 0)
    await create('quiet-b')
    await until(story, 'set quiet-b')
    t.equal(lists.length, 1)
    t.ok(restarts.every(reason => reason === 'closed'))
  })

  await t.test('a restart of the server and what happened behind its back', async t => {
    const { labelSelector, create, remove } = fromDirect(kube, 'restart')
    const proxy = await tcpProxy(t, plane.server)
    const through = kubeClient(t, { kubeconfig, server: proxy.url })
    for (const name of ['gone', 'anew', 'kept']) await create(`restart-${name}`)
    const { story, lists, restarts } = mirror(t, through, { namespace, labelSelector })
    await until(story, 'synced')
    proxy.block()
    await remove('restart-gone')
    await remove('restart-anew')
    await create('restart-anew')
    // the new server's watch cache starts here: where the mirror stopped is too old for it
    await plane.compact()
    await plane.restartApiServer()
    const before = story.length
    proxy.open()
    await until(story, 'synced', 2)
    t.strictSame(story.slice(before), [
      'deleted restart-anew',
      'set restart-anew',
      'deleted restart-gone',
      'synced',
    ])
    t.ok(restarts.includes('gone'))
    t.match(lists[1], { resourceVersionMatch: 'NotOlderThan' })
    await create('restart-after')
    await until(story, 'set restart-after')
  })
})

t.test('without the watch cache, a compacted version is told within the stream', async t => {
  const plane = await startControlPlane({ apiServerArgs: ['--watch-cache=false'] })
  t.teardown(plane.stop)
  const { kubeconfig } = plane
  const kube = kubeClient(t, { kubeconfig })
  const { labelSelector, create, remove } = fromDirect(kube, 'compacted')
  const proxy = await tcpProxy(t, plane.server)
  const through = kubeClient(t, { kubeconfig, server: proxy.url })
  await create('compacted-a')
  const log = recordingLog()
  const { story, restarts } = mirror(t, through, { namespace, labelSelector, log })
  await until(story, 'synced')
  proxy.block()
  await remove('compacted-a')
  await create('compacted-b')
  await plane.compact()
  proxy.open()
  await until(story, 'synced', 2)
  t.strictSame(story, [
    'set compacted-a',
    'synced',
    'set compacted-b',
    'deleted compacted-a',
    'synced',
  ])
  t.ok(restarts.includes('gone'))
  const ends = log.lines.map(({ fields }) => (fields as { err?: Error }).err)
  // an answer by HTTP would name the request
  t.match(
    ends.find(error => isGone(error)),
    { message: /^watch of configmaps: / },
  )
})
