import t from 'tap'
import { slimNetworkPolicy } from '../../../../operator/src/job/network-policy-cache.ts'
import { aJob } from '../../../fixtures/operator/tuning-job.ts'
import { controllerReference } from '../../../../operator/src/kube/kube-object.ts'

const policy = (metadata: object) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'home-isolated', namespace: 'team-a', uid: 'uid', ...metadata },
  spec: { podSelector: {} },
})

t.test('one of a job is kept whole, with or without its labels', async t => {
  const ownerReferences = [controllerReference(aJob())]
  for (const labels of [{ 'app.kubernetes.io/managed-by': 'attune-operator' }, undefined])
    t.match(slimNetworkPolicy(policy({ ownerReferences, labels })), {
      metadata: { ownerReferences },
      spec: { podSelector: {} },
    })
})

t.test('of one of somebody else the name is kept', async t => {
  for (const metadata of [
    {},
    { labels: { 'app.kubernetes.io/managed-by': 'attune-operator' } },
    { ownerReferences: [{ ...controllerReference(aJob()), apiVersion: 'apps/v1' }] },
  ]) {
    const kept = slimNetworkPolicy(policy(metadata))
    t.equal(kept.metadata.name, 'home-isolated')
    t.notHas(kept, 'spec')
    t.notHas(kept.metadata, 'labels')
  }
})
