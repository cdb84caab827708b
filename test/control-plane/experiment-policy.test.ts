import { TUNING_EXPERIMENT } from '@attune/crds/tuning-experiment.ts'
import type { TuningExperimentSpec } from '@attune/crds/tuning-experiment-spec.ts'
import type { TuningPolicySpec } from '@attune/crds/tuning-policy-spec.ts'
import t from 'tap'
import { controlPlane } from '../fixtures/cluster/control-plane.ts'
import { eventually } from '../fixtures/cluster/eventually.ts'
import { kubectl } from '../fixtures/cluster/kubectl.ts'
import { dryRun, dryRunOf } from '../fixtures/crds/dry-run.ts'
import { experimentCluster, scored } from '../fixtures/operator/experiment-cluster.ts'
import { SPEC } from '../fixtures/operator/tuning-job.ts'
import { admission, aPolicy, applied } from '../fixtures/policy/admission.ts'
import { POLICY_CASES } from '../fixtures/policy/cases.ts'

const RATES = [{ path: 'training.learningRate', values: [0.1, 0.2] }]
const vary = (path: string, ...values: readonly unknown[]) => ({
  parameters: [{ path, values: [...values] }],
})
const manifest = (spec: Partial<TuningExperimentSpec>) =>
  JSON.stringify({
    apiVersion: 'attune.dev/v1alpha1',
    kind: 'TuningExperiment',
    metadata: { name: 'search' },
    spec: { template: SPEC, parameters: RATES, strategy: { type: 'Grid' }, ...spec },
  })
const ask = async (namespace: string, spec: Partial<TuningExperimentSpec>) =>
  dryRunOf((await controlPlane()).kubeconfig, TUNING_EXPERIMENT, manifest(spec), namespace)

type Case = {
  readonly limit: TuningPolicySpec
  readonly spec: Partial<TuningExperimentSpec>
  readonly refusal?: string
}

/** What a job is told, an experiment is told of its template. */
const TEMPLATES = Object.entries(POLICY_CASES).map(
  ([title, { limit, job, refusal }]): readonly [string, Case] => [
    `template: ${title}`,
    {
      limit,
      spec: { template: { ...SPEC, ...job } },
      ...(refusal === undefined ? {} : { refusal: refusal.replace(/^.*?, and /, 'and ') }),
    },
  ],
)
const SHORT = { maxSequenceLength: 256 }
const HUB = { allowedModelSources: ['hf://owner/'] }
const PARAMETERS: Readonly<Record<string, Case>> = {
  'short sequences in place of a template with long ones': {
    limit: SHORT,
    spec: vary('training.sequenceLength', 128, 256),
  },
  'one value that is too long': {
    limit: SHORT,
    spec: vary('training.sequenceLength', 128, 512),
    refusal:
      'spec.parameters: training.sequenceLength is 512, and TuningPolicy NAME allows at most 256 (maxSequenceLength)',
  },
  'a range that is too long': {
    limit: SHORT,
    spec: {
      parameters: [{ path: 'training.sequenceLength', range: { min: 64, max: 1024, step: 64 } }],
    },
    refusal:
      'spec.parameters: training.sequenceLength is 1024, and TuningPolicy NAME allows at most 256 (maxSequenceLength)',
  },
  'a value that is no number, which the operator tells of': {
    limit: SHORT,
    spec: vary('training.sequenceLength', 128, 'long'),
  },
  'a model that varies': {
    limit: HUB,
    spec: vary('model.source.uri', 'hf://owner/a', 'hf://other/b'),
    refusal:
      'spec.parameters: model.source.uri is hf://other/b, and TuningPolicy NAME allows only [hf://owner/] (allowedModelSources)',
  },
  'models of the one owner': { limit: HUB, spec: vary('model.source.uri', 'hf://owner/a') },
  'a parameter that no limit looks at': { limit: HUB, spec: vary('method.lora.rank', 512) },
  'a method that is not allowed': {
    limit: { allowedMethods: [] },
    spec: vary('method.type', 'LoRA'),
    refusal:
      'spec.parameters: method.type is LoRA, and TuningPolicy NAME allows only [] (allowedMethods)',
  },
}

t.test('the API server holds an experiment to the policies of its namespace', async t => {
  const cluster = await experimentCluster(t)
  const admissionName = `test-experiments-${cluster.namespace}`
  await applied(t, admission(admissionName, 'experiment-policies'))
  const cases = [...TEMPLATES, ...Object.entries(PARAMETERS)].map(([title, one], i) => ({
    ...one,
    title,
    name: `exp-case-${process.pid}-${i}`,
  }))
  const namespaces = cases.map(({ name }) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  }))
  await applied(t, namespaces)
  await applied(
    t,
    cases.map(({ name, limit }) => aPolicy(name, limit, name)),
  )
  // watched in order: once this one is in force, those before it are
  await applied(t, [aPolicy(`${cluster.namespace}-last`, SHORT, cluster.namespace)])
  await eventually(async () => {
    const { status, message } = await ask(cluster.namespace, {})
    if (status !== 403) throw new Error(`answered ${status} ${message}`)
  })
  for (const { title, name, spec, refusal } of cases) {
    const { status, message } = await ask(name, spec)
    if (refusal === undefined) t.equal(status, 201, `${title}: ${message}`)
    else {
      t.equal(status, 403, title)
      const [, said = ''] = message.split(' denied request: ')
      t.ok(said.endsWith(refusal.replace('NAME', name)), `${title}: ${said}`)
      t.match(said, /^spec\.(template|parameters)/, title)
    }
  }

  await t.test('its expressions fit the schemas', async t => {
    const status = await eventually(async () => {
      const text = await kubectl(['get', 'validatingadmissionpolicy', admissionName, '-o', 'json'])
      const found = (
        JSON.parse(text) as {
          status?: { typeChecking?: { expressionWarnings?: readonly object[] } }
        }
      ).status
      if (!found?.typeChecking) throw new Error('the types are not checked yet')
      return found
    })
    t.strictSame(status.typeChecking?.expressionWarnings ?? [], [])
  })
})

t.test('a trial that a policy refuses is a result, and the others run', async t => {
  const cluster = await experimentCluster(t)
  const { namespace } = cluster
  // of jobs alone: a policy may come after the experiment
  await applied(t, admission(`test-trials-${namespace}`))
  await applied(t, [aPolicy(namespace, SHORT, namespace)])
  const job = { apiVersion: 'attune.dev/v1alpha1', kind: 'InstructionTuningJob' }
  await eventually(async () => {
    const text = JSON.stringify({ ...job, metadata: { name: 'home' }, spec: SPEC })
    const { status } = await dryRun((await controlPlane()).kubeconfig, text, namespace)
    if (status !== 403) throw new Error('the policy is not in force yet')
  })
  await cluster.operator()
  await cluster.submit({
    ...vary('training.sequenceLength', 512, 256),
    strategy: { type: 'Grid' },
    parallelTrials: 2,
    publish: 'None',
  })
  await cluster.runs(2, 1, ['prepare', 'train', 'evaluate'], { evaluate: scored(0.8) })
  const { status } = await cluster.until(
    experiment => experiment.status?.phase === 'Succeeded',
    'it has not succeeded',
  )
  t.match(status?.counts, { total: 2, failed: 1, succeeded: 1 })
  t.match(status?.trials?.[0], {
    phase: 'Failed',
    message: /spec\.training\.sequenceLength is 512, and TuningPolicy/,
  })
  t.match(status?.best, { trial: 2 })
  await cluster.told('TrialFailed', /search-trial-1/)
})
