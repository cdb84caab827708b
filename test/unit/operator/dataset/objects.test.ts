import t from 'tap'
import {
  curateJob,
  datasetClaim,
  datasetNetwork,
} from '../../../../operator/src/dataset/objects.ts'
import { aDataset, keyOf } from '../../../fixtures/operator/a-dataset.ts'
import { CONFIG } from '../../../fixtures/operator/tuning-job.ts'

type Pod = {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> }
  readonly spec: {
    readonly containers: readonly {
      readonly args: readonly string[]
      readonly env: readonly { readonly name: string }[]
      readonly volumeMounts: readonly { readonly mountPath: string; readonly readOnly?: boolean }[]
    }[]
  }
}
const podOf = (dataset: ReturnType<typeof aDataset>) => {
  const { spec } = curateJob({ dataset, key: keyOf(dataset), config: CONFIG }) as unknown as {
    spec: { template: Pod; backoffLimit: number; activeDeadlineSeconds: number }
  }
  return spec
}

t.test('the pod sees its volume, its file and the claims of its sources', async t => {
  const { template } = podOf(
    aDataset({
      spec: {
        sources: [{ uri: 'pvc://datasets/a.jsonl' }, { uri: 'pvc://datasets/b.jsonl' }],
        validation: { sources: [{ uri: 'pvc://held-out/c.jsonl' }] },
      },
    }),
  )
  const [container] = template.spec.containers
  t.strictSame(
    container?.volumeMounts.map(
      ({ mountPath, readOnly }) => `${mountPath}${readOnly ? ' ro' : ''}`,
    ),
    ['/workspace', '/etc/attune ro', '/tmp', '/mnt/pvc/datasets ro', '/mnt/pvc/held-out ro'],
  )
  t.strictSame(container?.args.slice(0, 3), ['curate', '--job', '/etc/attune/job.json'])
  t.strictSame(
    container?.env.map(({ name }) => name),
    ['HOME'],
  )
  t.notOk(template.metadata.labels['attune.dev/job'], 'no pod of a job')
})

t.test('the token of the hub is mounted where a source asks for it', async t => {
  const { template } = podOf(
    aDataset({
      spec: {
        sources: [{ uri: 'hf://datasets/o/d/a.jsonl', credentialsSecret: { name: 'hub' } }],
      },
    }),
  )
  t.match(template.spec.containers[0]?.env, [
    { name: 'HOME' },
    { name: 'HF_TOKEN', valueFrom: { secretKeyRef: { name: 'hub', key: 'token' } } },
  ])
})

t.test('retries, deadline, volume and pod template are those of the spec', async t => {
  const dataset = aDataset({
    spec: {
      retry: { limit: 1, deadlineSeconds: 60 },
      volume: { size: '1Gi', storageClassName: 'fast', accessMode: 'ReadWriteMany' },
      podTemplate: { labels: { team: 'a', 'attune.dev/dataset': 'other' } },
    },
  })
  t.match(podOf(dataset), { backoffLimit: 1, activeDeadlineSeconds: 60 })
  t.match(podOf(dataset).template.metadata.labels, { team: 'a', 'attune.dev/dataset': 'pairs' })
  t.match(datasetClaim(dataset), {
    metadata: { name: 'pairs-dataset', ownerReferences: [{ uid: 'dataset-uid' }] },
    spec: {
      accessModes: ['ReadWriteMany'],
      resources: { requests: { storage: '1Gi' } },
      storageClassName: 'fast',
    },
  })
})

t.test('where pods are fenced in, this one may fetch', async t => {
  const dataset = aDataset()
  t.strictSame(datasetNetwork({ dataset, config: CONFIG }), [])
  const [policy] = datasetNetwork({
    dataset,
    config: { ...CONFIG, networkPolicyFrom: ['attune-system'] },
  })
  t.match(policy, {
    metadata: { name: 'pairs-curate' },
    spec: {
      podSelector: {
        matchLabels: { 'attune.dev/dataset': 'pairs' },
        matchExpressions: [{ key: 'attune.dev/stage', values: ['curate'] }],
      },
      egress: Array,
    },
  })
})
