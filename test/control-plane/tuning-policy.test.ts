import type { InstructionTuningJobSpec } from '@attune/crds/instruction-tuning-job-spec.ts'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { testNamespace } from '../fixtures/cluster/namespace.ts'
import { dryRun } from '../fixtures/crds/dry-run.ts'
import { SPEC } from '../fixtures/operator/tuning-job.ts'
import { admission, aPolicy, applied } from '../fixtures/policy/admission.ts'
import { POLICY_CASES } from '../fixtures/policy/cases.ts'

const ADMISSION = 'test-tuning-policies'

const manifest = (spec: Partial<InstructionTuningJobSpec> = {}) =>
  JSON.stringify({
    apiVersion: 'attune.dev/v1alpha1',
    kind: 'InstructionTuningJob',
    metadata: { name: 'home' },
    spec: { ...SPEC, ...spec },
  })

const ask = async (namespace: string, spec: Partial<InstructionTuningJobSpec> = {}) => {
  const { kubeconfig } = await controlPlane()
  return dryRun(kubeconfig, manifest(spec), namespace)
}

/** The API server's caches of policies and bindings follow what it stores. */
const untilRefused = (namespace: string, spec: Partial<InstructionTuningJobSpec> = {}) =>
  eventually(async () => {
    const answer = await ask(namespace, spec)
    if (answer.status !== 403) throw new Error(`answered ${answer.status} ${answer.message}`)
    return answer.message
  })

t.before(() => applied(t, admission(ADMISSION)))

t.test('the API server gives each job the verdict of the policy, in its words', async t => {
  const cases = Object.entries(POLICY_CASES).map(([title, one], i) => ({
    ...{ ...one, title, name: `case-${process.pid}-${i}` },
  }))
  const namespaces = cases.map(({ name }) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  }))
  await applied(t, namespaces)
  const sentinel = await testNamespace(t)
  await applied(
    t,
    cases.map(({ name, limit }) => aPolicy(name, limit, name)),
  )
  // watched in order: once this one is in force, those before it are
  await applied(t, [aPolicy(sentinel, { maxSequenceLength: 16 }, sentinel)])
  await untilRefused(sentinel)
  for (const { title, name, job, refusal } of cases) {
    const { status, message } = await ask(name, job)
    if (refusal === undefined) t.equal(status, 201, `${title}: ${message}`)
    else {
      t.equal(status, 403, title)
      const [, said] = message.split(' denied request: ')
      t.equal(said, refusal.replace('NAME', name), title)
    }
  }
})

type WithWarnings = {
  readonly status?: {
    readonly observedGeneration?: number
    readonly typeChecking?: { readonly expressionWarnings?: readonly object[] }
  }
}

t.test('its expressions fit the schemas of job and policy', async t => {
  const { status } = await eventually(async () => {
    const text = await kubectl(['get', 'validatingadmissionpolicy', ADMISSION, '-o', 'json'])
    const policy = JSON.parse(text) as WithWarnings
    if (!policy.status?.typeChecking) throw new Error('the types are not checked yet')
    return policy
  })
  t.strictSame(status?.typeChecking?.expressionWarnings ?? [], [])
})

t.test('kubectl apply names the policy and the limit', async t => {
  const namespace = await testNamespace(t)
  const name = `${namespace}-small`
  await kubectl(['apply', '-n', namespace, '-f', '-'], manifest())
  await applied(t, [aPolicy(name, { maxSequenceLength: 256 }, namespace)])
  await untilRefused(namespace)
  const other = manifest().replace('"home"', '"other"')
  await t.rejects(kubectl(['apply', '-n', namespace, '-f', '-'], other), {
    message: new RegExp(
      `Forbidden.*sequenceLength is 512, and TuningPolicy ${name} allows at most 256`,
      's',
    ),
  })
  t.equal(await kubectl(['get', 'itj', 'other', '-n', namespace, '--ignore-not-found']), '')
  const columns = (await kubectl(['get', 'tp', name])).split('\n')
  t.match(
    columns[0],
    /^NAME +ACCELERATORS +QUEUE +METHODS +TOKENS +NAMESPACES +HELD +READY +REASON +AGE/,
  )
  t.match(columns[1], new RegExp(`^${name} .*256`))
})

t.test('a job from before the policy can be stopped and labelled, and not made worse', async t => {
  const namespace = await testNamespace(t)
  const patch = (change: object) =>
    kubectl(['patch', 'itj', 'home', '-n', namespace, '--type=merge', '-p', JSON.stringify(change)])
  await kubectl(['apply', '-n', namespace, '-f', '-'], manifest())
  await applied(t, [aPolicy(`${namespace}-small`, { maxSequenceLength: 256 }, namespace)])
  await untilRefused(namespace)
  await patch({ metadata: { labels: { a: 'b' } } })
  await patch({ spec: { suspend: true, runHistoryLimit: 2 } })
  await patch({ status: {} })
  await t.rejects(patch({ spec: { training: { seed: 7 } } }), { message: /allows at most 256/ })
  await t.rejects(patch({ spec: { resources: { accelerator: {} } } }), /allows at most 256/)
  await patch({ spec: { training: { sequenceLength: 256 } } })
  await kubectl(['delete', 'itj', 'home', '-n', namespace])
})

t.test(
  'policies of the same namespace all hold, and another namespace knows nothing of them',
  async t => {
    const [first, second] = [await testNamespace(t), await testNamespace(t)]
    t.equal((await ask(first)).status, 201, 'without a policy everything is allowed')
    const labelled = {
      apiVersion: 'attune.dev/v1alpha1',
      kind: 'TuningPolicy',
      metadata: { name: `${first}-labelled` },
      spec: {
        namespaceSelector: { matchLabels: { [`test/${first}`]: 'yes' } },
        allowedOutputs: [],
      },
    }
    await applied(t, [
      labelled,
      aPolicy(`${first}-gpus`, { maxAcceleratorsPerJob: 1 }, first, second),
    ])
    const gpus: Partial<InstructionTuningJobSpec> = { resources: { accelerator: { count: 2 } } }
    t.match(await untilRefused(first, gpus), /allows at most 1/)
    t.match(await untilRefused(second, gpus), /allows at most 1/)
    t.equal((await ask(first)).status, 201, 'the other policy is not for it')
    await kubectl(['label', 'namespace', first, `test/${first}=yes`])
    t.match(await untilRefused(first), /allows only \[\] \(allowedOutputs\)/)
    t.equal((await ask(second)).status, 201)
  },
)

t.test(
  'the policies of the examples and the quota of the docs are what the API server takes',
  async t => {
    const folder = fileURLToPath(new URL('../../examples/policies', import.meta.url))
    const answer = await kubectl(['apply', '--dry-run=server', '--validate=strict', '-f', folder])
    t.equal(answer.match(/created \(server dry run\)/g)?.length, 3)
    const docs = readFileSync(new URL('../../docs/tenancy.md', import.meta.url), 'utf8')
    const hard = /--hard=\S+/.exec(docs)?.[0] ?? ''
    const namespace = await testNamespace(t)
    await t.resolves(kubectl(['create', 'quota', 'tuning', '-n', namespace, hard]))
  },
)

t.test('a policy that says nothing or that no label can meet is refused itself', async t => {
  const create = (spec: object) =>
    kubectl(
      ['create', '--dry-run=server', '-f', '-'],
      JSON.stringify({
        apiVersion: 'attune.dev/v1alpha1',
        kind: 'TuningPolicy',
        metadata: { name: 'nothing' },
        spec,
      }),
    )
  const cases: Readonly<Record<string, readonly [object, RegExp]>> = {
    'no limit': [{}, /a policy without a limit does nothing/],
    'In without values': [
      {
        requireQueue: true,
        namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] },
      },
      /In and NotIn need values/,
    ],
    'a field that pods of ours cannot have': [
      { allowedPodTemplateFields: ['hostNetwork'] },
      /Unsupported value: "hostNetwork"/,
    ],
    'an entry that is no URI': [{ allowedOutputs: ['outputs'] }, /allowedOutputs\[0\]/],
    'a negative number': [{ maxAcceleratorsPerJob: -1 }, /maxAcceleratorsPerJob/],
  }
  for (const [name, [spec, message]] of Object.entries(cases))
    await t.rejects(create(spec), { message }, name)
  await t.resolves(create({ requireQueue: true }))
})
