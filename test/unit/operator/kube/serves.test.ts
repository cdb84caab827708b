import t from 'tap'
import { createKubeClient } from '../../../../operator/src/kube/client.ts'
import { CONFIG_MAP } from '../../../fixtures/kube/an-object.ts'
import { json, loopbackServer } from '../../../fixtures/kube/loopback-server.ts'
import { rejection } from '../../../fixtures/kube/rejection.ts'

const WORKLOADS = {
  ...CONFIG_MAP,
  group: 'kueue.x-k8s.io',
  version: 'v1beta2',
  plural: 'workloads',
}
const resources = (...names: readonly string[]) => ({ resources: names.map(name => ({ name })) })
const refusal = (code: number) => json(code, { kind: 'Status', code, message: 'no' })

const ANSWERS = {
  'the group with the kind': [json(200, resources('queues', 'workloads')), true],
  'the group without the kind': [json(200, resources('queues')), false],
  'no resources at all': [json(200, { resources: null }), false],
  'no such group': [refusal(404), false],
  'no right to ask': [refusal(403), false],
} as const

for (const [name, [answer, served]] of Object.entries(ANSWERS))
  t.test(`${name}: ${served ? 'served' : 'not served'}`, async t => {
    const { connection, requests } = await loopbackServer(t, answer)
    const kube = createKubeClient(connection)
    t.teardown(kube.close)
    t.equal(await kube.serves(WORKLOADS), served)
    t.match(requests, [{ method: 'GET', url: '/prefix/apis/kueue.x-k8s.io/v1beta2' }])
  })

t.test('a server that is broken says nothing of what it serves', async t => {
  const { connection } = await loopbackServer(t, refusal(500))
  const kube = createKubeClient(connection, { limits: { maxAttempts: 1 } })
  t.teardown(kube.close)
  t.match(await rejection(kube.serves(WORKLOADS)), { status: 500 })
})
