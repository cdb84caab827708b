import { resolveSpec } from '@attune/crds/defaults.ts'
import type { TuningPolicySpec } from '@attune/crds/tuning-policy-spec.ts'
import t from 'tap'
import type { TuningPolicy } from '../../../../operator/src/policy/kinds.ts'
import { selects } from '../../../../operator/src/policy/selects.ts'
import { violations } from '../../../../operator/src/policy/violations.ts'
import { SPEC } from '../../../fixtures/operator/tuning-job.ts'
import { POLICY_CASES } from '../../../fixtures/policy/cases.ts'

const aPolicy = (spec: TuningPolicySpec): TuningPolicy => ({
  apiVersion: 'attune.dev/v1alpha1',
  kind: 'TuningPolicy',
  metadata: { name: 'NAME' },
  spec,
})

t.test('a job keeps to the limits of a policy or the message says which it breaks', async t => {
  for (const [name, { limit, job, refusal }] of Object.entries(POLICY_CASES))
    t.strictSame(
      violations(resolveSpec({ ...SPEC, ...job }), aPolicy(limit)),
      refusal === undefined ? [] : [refusal],
      name,
    )
})

t.test('every limit that is broken is told', async t => {
  const limit: TuningPolicySpec = { maxSequenceLength: 256, requireQueue: true }
  t.equal(violations(resolveSpec(SPEC), aPolicy(limit)).length, 2)
})

t.test('a policy is for the namespaces that it selects', async t => {
  const labels = { 'kubernetes.io/metadata.name': 'team-a', tier: 'trial' }
  const expression = (
    key: string,
    operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist',
    ...values: string[]
  ) => ({ matchExpressions: [{ key, operator, ...(values.length > 0 ? { values } : {}) }] })
  const cases = [
    ['no selector', undefined, true],
    ['an empty selector', {}, true],
    ['its label', { matchLabels: { tier: 'trial' } }, true],
    ['another value', { matchLabels: { tier: 'shared' } }, false],
    ['a label that it lacks', { matchLabels: { tier: 'trial', more: '' } }, false],
    ['a label that every object seems to have', { matchLabels: { toString: '' } }, false],
    ['In', expression('tier', 'In', 'a', 'trial'), true],
    ['In others', expression('tier', 'In', 'a'), false],
    ['In of a label that it lacks', expression('more', 'In', ''), false],
    ['NotIn', expression('tier', 'NotIn', 'trial'), false],
    ['NotIn of a label that it lacks', expression('more', 'NotIn', 'a'), true],
    ['Exists', expression('tier', 'Exists'), true],
    ['Exists of a label that it lacks', expression('more', 'Exists'), false],
    ['DoesNotExist', expression('tier', 'DoesNotExist'), false],
    ['DoesNotExist of a label that it lacks', expression('more', 'DoesNotExist'), true],
  ] as const
  for (const [name, namespaceSelector, is] of cases) {
    const spec = { ...(namespaceSelector ? { namespaceSelector } : {}), maxAcceleratorsPerJob: 1 }
    t.equal(selects(aPolicy(spec as TuningPolicySpec), labels), is, name)
  }
})
