import t from 'tap'
import { decide } from '../../operator/src/base-model/decide.ts'
import type { BaseModel } from '../../operator/src/base-model/kinds.ts'
import type { Look } from '../../operator/src/base-model/situation.ts'
import { PATIENCE } from '../../operator/src/base-model/steps.ts'
import { verdicts } from '../fixtures/gitops/verdicts.ts'
import {
  aStoredModel,
  answered,
  CONFIG_READ,
  silent,
  told,
} from '../fixtures/operator/a-stored-model.ts'
import { NOW } from '../fixtures/operator/tuning-job.ts'

const decided = (look?: Look, change: Parameters<typeof aStoredModel>[0] = {}): BaseModel => {
  const { status } = decide({ model: aStoredModel(change), ...(look ? { look } : {}) }, NOW)
  return aStoredModel({ ...change, ...(status ? { status } : {}) })
}
const verified = decided(answered(CONFIG_READ))

t.test('Flux and Argo CD see of an entry what it is', async t => {
  const cases: Readonly<Record<string, readonly [BaseModel, string, string]>> = {
    'that no operator verifies': [aStoredModel(), 'Current', 'Healthy'],
    'that is verified': [verified, 'Current', 'Healthy'],
    'that the operator cannot look at': [
      decided(undefined, { spec: { source: { uri: 'pvc://models/small' } } }),
      'Current',
      'Healthy',
    ],
    'that is gated': [decided(answered(told('SourceForbidden'))), 'Current', 'Healthy'],
    'that was edited since': [
      aStoredModel({ generation: 2, ...(verified.status ? { status: verified.status } : {}) }),
      'InProgress',
      'Progressing',
    ],
    'whose hub is silent': [decided(silent(1)), 'InProgress', 'Progressing'],
    'whose hub is silent for long': [decided(silent(PATIENCE)), 'Current', 'Healthy'],
    'that is not there': [decided(answered(told('SourceNotFound'))), 'Failed', 'Degraded'],
    'that cannot be tuned': [
      decided(undefined, { spec: { architecture: 'MambaForCausalLM' } }),
      'Failed',
      'Degraded',
    ],
    'that is being deleted': [
      aStoredModel({ deletionTimestamp: '2026-01-01T00:00:00Z' }),
      'Terminating',
      'Progressing',
    ],
  }
  const found = await verdicts(Object.values(cases).map(([object]) => object))
  for (const [i, [name, [, flux, argo]]] of Object.entries(cases).entries()) {
    const { kstatus, health } = found[i] ?? {}
    t.strictSame([kstatus?.status, health?.status], [flux, argo], `an entry ${name}`)
    t.ok(health?.message, name)
  }
})
