import { QUEUE_LABEL } from '@attune/crds/queue-labels.ts'
import t from 'tap'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { DATASET_SPEC } from '../fixtures/operator/a-dataset.ts'
import { admission, aPolicy, applied } from '../fixtures/policy/admission.ts'

const manifest = (spec: object, labels: object = {}) =>
  JSON.stringify({
    apiVersion: 'attune.dev/v1alpha1',
    kind: 'InstructionDataset',
    metadata: { name: 'pairs', labels },
    spec: { ...DATASET_SPEC, ...spec },
  })

t.test('a dataset brings no source that a TuningPolicy keeps from the jobs', async t => {
  const namespace = await testNamespace(t)
  const name = `test-dataset-policies-${namespace}`
  await applied(t, admission(name, 'dataset-policies'))
  const limits = {
    allowedDatasetSources: ['pvc://datasets/'],
    allowedPodTemplateFields: ['labels' as const],
  }
  await applied(t, [aPolicy(namespace, limits, namespace)])
  const apply = (spec: object = {}) =>
    kubectl(['apply', '-n', namespace, '-f', '-'], manifest(spec))
  const foreign = { sources: [{ uri: 'https://data.example/a.jsonl' }] }
  // the API server's caches of policies and bindings follow what it stores
  const said = await eventually(async () => {
    const refusal = await kubectl(
      ['apply', '-n', namespace, '--dry-run=server', '-f', '-'],
      manifest(foreign),
    ).then(
      () => undefined,
      (error: Error) => error.message,
    )
    if (refusal === undefined) throw new Error('not refused yet')
    return refusal
  })
  t.match(
    said,
    `spec has the source https://data.example/a.jsonl, and TuningPolicy ${namespace} allows only [pvc://datasets/] (allowedDatasetSources)`,
  )
  const heldOut = { validation: { sources: [{ uri: 'hf://datasets/o/d/a.jsonl' }] } }
  await t.rejects(apply(heldOut), { message: /spec has the source hf:\/\/datasets/ })
  await t.rejects(apply({ podTemplate: { nodeSelector: { a: 'b' } } }), {
    message: /spec\.podTemplate\.nodeSelector is set, and TuningPolicy/,
  })
  await t.resolves(apply({ podTemplate: { labels: { team: 'a' } } }), 'what is allowed')

  await applied(t, [aPolicy(namespace, { allowedDatasetSources: ['pvc://other/'] }, namespace)])
  await eventually(() =>
    apply({ systemPrompt: String(Date.now()), sources: [{ uri: 'pvc://datasets/b.jsonl' }] }).then(
      () => {
        throw new Error('not refused yet')
      },
      () => undefined,
    ),
  )
  const stored = ['patch', 'ids', 'pairs', '-n', namespace, '--type=merge', '-p']
  await t.resolves(
    kubectl([...stored, JSON.stringify({ spec: { retry: { limit: 1 } } })]),
    'what no limit looks at may change',
  )
})

t.test('where jobs must name a queue, a dataset must too', async t => {
  const namespace = await testNamespace(t)
  const name = `test-dataset-queues-${namespace}`
  const apply = (labels: object, spec: object = {}, ...more: readonly string[]) =>
    kubectl(['apply', '-n', namespace, ...more, '-f', '-'], manifest(spec, labels))
  const inQueue = { [QUEUE_LABEL]: 'team-a' }
  await apply({})
  await applied(t, admission(name, 'dataset-policies'))
  await applied(t, [aPolicy(namespace, { requireQueue: true }, namespace)])
  // another prompt: what is left as it was may stay
  const edited = { systemPrompt: 'Be brief.', sources: [{ uri: 'pvc://datasets/b.jsonl' }] }
  await eventually(() =>
    apply({}, edited, '--dry-run=server').then(
      () => {
        throw new Error('not refused yet')
      },
      () => undefined,
    ),
  )
  const message = `the label ${QUEUE_LABEL} is missing, and TuningPolicy ${namespace} requires a queue (requireQueue)`
  await t.rejects(apply({}, edited), { message })
  await t.resolves(apply({ team: 'a' }), 'a dataset from before keeps what it had')
  await t.resolves(apply(inQueue, edited))
  for (const left of [`${QUEUE_LABEL}-`, `${QUEUE_LABEL}=`])
    await t.rejects(kubectl(['label', 'ids', 'pairs', '-n', namespace, '--overwrite', left]), {
      message: /requires a queue \(requireQueue\)/,
    })
})
