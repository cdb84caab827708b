import t from 'tap'
import { BASE_MODEL_REASONS } from '../../../../crds/base-model-conditions.ts'
import { decide } from '../../../../operator/src/base-model/decide.ts'
import type { BaseModel } from '../../../../operator/src/base-model/kinds.ts'
import type { Finding } from '../../../../operator/src/base-model/read-source.ts'
import type { Look, Observed } from '../../../../operator/src/base-model/situation.ts'
import { PATIENCE } from '../../../../operator/src/base-model/steps.ts'
import {
  aStoredModel,
  answered,
  COMMIT,
  CONFIG_READ,
  silent,
  told,
} from '../../../fixtures/operator/a-stored-model.ts'
import { brokenFluxRules } from '../../../fixtures/operator/flux-rules.ts'
import { NOW } from '../../../fixtures/operator/tuning-job.ts'

const HOUR = 3_600_000
const small = aStoredModel()
const mamba = { architecture: 'MambaForCausalLM' }
const inVolume = { source: { uri: 'pvc://models/small' } }

/** What the API server has after the decision. */
const after = (observed: Observed): BaseModel => {
  const { status } = decide(observed, NOW)
  return status ? { ...observed.model, status } : observed.model
}
const words = ({ status }: BaseModel) => {
  const of = (type: string) => status?.conditions?.find(condition => condition.type === type)
  return {
    ready: of('Ready')?.status,
    verified: of('Verified')?.status,
    working: of('Reconciling')?.status,
    stalled: of('Stalled')?.status,
    reason: of('Verified')?.reason,
  }
}
const usable = (reason: string, verified: 'True' | 'Unknown') => ({
  ready: 'True' as const,
  verified,
  working: undefined,
  stalled: undefined,
  reason,
})
const refused = (reason: string) => ({
  ready: 'False' as const,
  verified: 'False' as const,
  working: undefined,
  stalled: 'True' as const,
  reason,
})
const waiting = {
  ready: 'Unknown',
  verified: 'Unknown',
  working: 'True',
  stalled: undefined,
  reason: 'SourceUnreachable',
} as const

const CASES: Readonly<
  Record<string, readonly [BaseModel, Look | undefined, ReturnType<typeof words>]>
> = {
  'that the hub shows': [small, answered(CONFIG_READ), usable('Verified', 'True')],
  'that names no architecture of its own': [
    small,
    answered({ kind: 'config', revision: COMMIT, architectures: [] }),
    usable('Verified', 'True'),
  ],
  'of a volume': [aStoredModel({ spec: inVolume }), undefined, usable('NotVerifiable', 'Unknown')],
  'of another host': [
    aStoredModel({ spec: { source: { uri: 'https://a.example/m.gguf' } } }),
    undefined,
    usable('NotVerifiable', 'Unknown'),
  ],
  'of one GGUF file': [small, answered(told('NotVerifiable')), usable('NotVerifiable', 'Unknown')],
  'that is gated': [small, answered(told('SourceForbidden')), usable('SourceForbidden', 'Unknown')],
  'that is not there': [small, answered(told('SourceNotFound')), refused('SourceNotFound')],
  'with a broken config': [small, answered(told('ModelMalformed')), refused('ModelMalformed')],
  'that says itself it cannot be tuned': [
    aStoredModel({ spec: mamba }),
    undefined,
    refused('ModelUnsupported'),
  ],
  'in a volume that cannot be tuned': [
    aStoredModel({ spec: { ...inVolume, ...mamba } }),
    undefined,
    refused('ModelUnsupported'),
  ],
  'whose config cannot be tuned': [
    small,
    answered({ ...CONFIG_READ, unsupported: 'config.json: rope' } as Finding),
    refused('ModelUnsupported'),
  ],
  'that is another one': [
    small,
    answered({ ...CONFIG_READ, architectures: ['DeciLMForCausalLM'] } as Finding),
    refused('ArchitectureDiffers'),
  ],
  'of a dataset': [
    aStoredModel({ spec: { source: { uri: 'hf://datasets/a/b' } } }),
    undefined,
    refused('InvalidSpec'),
  ],
  'whose hub is silent': [small, silent(1), waiting],
  'whose hub is silent for long': [small, silent(PATIENCE), usable('SourceUnreachable', 'Unknown')],
}

t.test('what is said of an entry', async t => {
  for (const [name, [model, look, expected]] of Object.entries(CASES)) {
    const said = after({ model, ...(look ? { look } : {}) })
    t.strictSame(words(said), expected, name)
    t.equal(said.status?.observedGeneration, 1, name)
    t.strictSame(brokenFluxRules(said as never), [], `${name}: kstatus`)
  }
  const reasons = new Set(Object.values(CASES).map(([, , { reason }]) => reason))
  t.strictSame([...reasons].sort(), Object.keys(BASE_MODEL_REASONS).sort(), 'every reason is met')
})

t.test('what the hub tells stands in status', async t => {
  const { status } = after({ model: small, look: answered(CONFIG_READ) })
  t.match(status, {
    revision: COMMIT,
    architecture: 'LlamaForCausalLM',
    parameters: 134_515_008,
    lastVerificationTime: /Z$/,
  })
  t.match(status?.conditions?.[0]?.message, 'LlamaForCausalLM at commit 0123456789ab')
})

t.test('the same answer is written once', async t => {
  const look = answered(CONFIG_READ)
  const model = after({ model: small, look })
  t.match(decide({ model: small, look }, NOW).events, [{ type: 'Normal', reason: 'Verified' }])
  const again = decide({ model, look }, NOW + 60_000)
  t.equal(again.status, undefined)
  t.strictSame(again.events, [])
  const later = NOW + 6 * HOUR
  const next = answered(CONFIG_READ, {
    atMs: later,
    answer: { finding: CONFIG_READ, atMs: later },
  })
  const repeated = decide({ model, look: next }, later)
  t.not(repeated.status?.lastVerificationTime, model.status?.lastVerificationTime)
  t.strictSame(repeated.events, [], 'and told once')
})

t.test('silence takes nothing back', async t => {
  const model = after({ model: small, look: answered(CONFIG_READ) })
  const answer = { finding: CONFIG_READ, atMs: NOW }
  for (const look of [silent(9, { answer }), silent(9)])
    t.match(decide({ model, look }, NOW), { status: undefined, events: [] })
})

t.test('an edit is judged anew, and silence says nothing of it', async t => {
  const before = after({ model: small, look: answered(CONFIG_READ) })
  const model = { ...before, metadata: { ...before.metadata, generation: 2 } }
  t.equal(decide({ model }, NOW).status, undefined, 'nothing is known yet')
  const said = after({ model, look: silent(1, { generation: 2 }) })
  t.strictSame(words(said), waiting)
  t.equal(said.status?.revision, undefined)
})

t.test('after its chances a silent hub changes no status', async t => {
  const model = after({ model: small, look: silent(PATIENCE) })
  for (const failures of [1, PATIENCE + 1])
    t.equal(decide({ model, look: silent(failures) }, NOW).status, undefined)
  t.strictSame(words(after({ model, look: answered(CONFIG_READ) })), usable('Verified', 'True'))
})

t.test('a change is told, as a warning where it is bad', async t => {
  const model = after({ model: small, look: answered(CONFIG_READ) })
  const eventsOf = (look: Look) => decide({ model, look }, NOW).events
  t.match(eventsOf(answered(told('SourceNotFound'))), [
    { type: 'Warning', reason: 'SourceNotFound' },
  ])
  t.match(eventsOf(answered(told('SourceForbidden'))), [
    { type: 'Normal', reason: 'SourceForbidden' },
  ])
  const moved = { ...CONFIG_READ, revision: 'f'.repeat(40) }
  t.match(eventsOf(answered(moved)), [{ type: 'Normal', message: /ffffffffffff/ }])
})

t.test('it looks again later, and not where there is nothing to look at', async t => {
  const wait = (look: Look) => decide({ model: small, look }, NOW).requeueAfterMs ?? 0
  t.ok(wait(answered(CONFIG_READ)) >= 4.5 * HOUR)
  t.ok(wait(answered(CONFIG_READ)) <= 7.5 * HOUR)
  t.ok(wait(silent(1)) <= 30_000)
  t.ok(wait(silent(99)) <= HOUR)
  t.equal(decide({ model: aStoredModel({ spec: inVolume }) }, NOW).requeueAfterMs, undefined)
})

t.test('an entry that is being deleted is left alone', async t => {
  const model = aStoredModel({ deletionTimestamp: '2026-01-01T00:00:00Z' })
  t.strictSame(decide({ model, look: answered(CONFIG_READ) }, NOW), { events: [] })
})
