/** What to say of an entry: pure, and the same for the same cache, the same answers of the hub and the same moment. */
import type { BaseModelStatus } from '@attune/crds/base-model-status.ts'
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import { findCondition, trimMessage } from '../kube/conditions.ts'
import { baseModelConditions } from './base-model-conditions.ts'
import { hubModelToAsk } from './hub-model.ts'
import type { BaseModel } from './kinds.ts'
import { nextLook } from './schedule.ts'
import type { BaseModelEvent, Decision, Observed, Step, Verdict } from './situation.ts'
import { judge, leaveToPrepare, rejectInvalidUri, rejectUnsupported, waitForHub } from './steps.ts'

/** The first that applies decides. */
const STEPS: readonly Step[] = [
  rejectUnsupported,
  leaveToPrepare,
  rejectInvalidUri,
  judge,
  waitForHub,
]

const verdictOf = ({ model, look }: Observed): Verdict | undefined => {
  const { spec } = model
  if (!spec) return undefined
  const situation = { model, spec, ...(look ? { look } : {}) }
  for (const step of STEPS) {
    const verdict = step(situation)
    if (verdict) return { ...verdict, message: trimMessage(verdict.message) }
  }
  return undefined
}

const statusOf = ({ metadata, status }: BaseModel, verdict: Verdict, now: number) => {
  const generation = metadata.generation ?? 0
  return {
    observedGeneration: generation,
    conditions: baseModelConditions(verdict, status?.conditions, { generation, now }),
    ...verdict.facts,
  } satisfies BaseModelStatus
}

const WARNED = ['SourceUnreachable']

/** Told once, when what is known changes. */
const eventsOf = ({ status }: BaseModel, verdict: Verdict): readonly BaseModelEvent[] => {
  const { verified, reason, message } = verdict
  const before = findCondition(status?.conditions, 'Verified')
  if (before?.reason === reason && before.message === message) return []
  const isWarning = verified === 'False' || WARNED.includes(reason)
  return [{ type: isWarning ? 'Warning' : 'Normal', reason, message }]
}

export const decide = (observed: Observed, now: number): Decision => {
  const { model, look } = observed
  if (!model.spec || model.metadata.deletionTimestamp) return { events: [] }
  const verdict = verdictOf(observed)
  const again = hubModelToAsk(model)
    ? { requeueAfterMs: Math.max(0, nextLook(model, look) - now) }
    : {}
  if (!verdict) return { events: [], ...again }
  const next = statusOf(model, verdict, now)
  const isNews = canonicalJson(next) !== canonicalJson(model.status ?? null)
  return { ...(isNews ? { status: next } : {}), events: eventsOf(model, verdict), ...again }
}
