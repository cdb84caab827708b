import t from 'tap'
import { createEventRecorder, EVENT } from '../../operator/src/kube/events.ts'
import { silentLog } from '../../operator/src/kube/log.ts'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { CONFIG_MAP } from '../fixtures/kube/an-object.ts'
import { kubeClient } from '../fixtures/kube/kube-client.ts'

t.test('events about an object', async t => {
  const { kubeconfig } = await controlPlane()
  const client = kubeClient(t, { kubeconfig })
  const namespace = await testNamespace(t)
  const metadata = { namespace, name: 'subject' }
  const subject = await client.create(CONFIG_MAP, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
  })
  const names = { component: 'tester', instance: 'tester-0' }
  const recorder = createEventRecorder({ client, log: silentLog, ...names })
  const object = { ...subject, apiVersion: 'v1', kind: 'ConfigMap' }
  const note = (reason: string) => ({ type: 'Warning' as const, reason, message: 'out of luck' })
  for (const reason of ['Failed', 'Failed', 'Other', 'Failed']) {
    recorder.record(object, note(reason))
    await recorder.flush()
  }
  const { items } = await client.list(EVENT, {
    namespace,
    fieldSelector: `involvedObject.uid=${subject.metadata.uid}`,
  })
  const counts = items.map(({ reason, count }) => `${reason} ${count}`).sort()
  t.strictSame(counts, ['Failed 3', 'Other 1'])
  t.match(
    await kubectl(['describe', 'configmap', 'subject', '-n', namespace]),
    /Warning +Failed +\S+ \(x3 over \S+\) +tester +out of luck/,
  )
})
