/** What to do about a job: pure, and the same for the same caches and the same moment. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { specHash } from '@attune/crds/stage-keys.ts'
import { advance } from './advance.ts'
import { fenced } from './fence.ts'
import { lookAgainWithin } from '../kube/look-again.ts'
import { heldStatusMs } from './held-status.ts'
import type { JobConfig } from './job-config.ts'
import { isWorthWriting, jobStatus, nextAccountingMs } from './job-status.ts'
import { networkChildren, unneededPolicies } from './network-children.ts'
import { quotaEvents } from './queue/quota-event.ts'
import { isFinished, withRun } from './run.ts'
import type { Decision, Observed, Removal, Situation, StepResult } from './situation.ts'
import { specOfRun } from './spec-of-run.ts'
import { strays } from './strays.ts'
import { track } from './track.ts'

const NOTHING: Decision = Object.freeze({ apply: [], remove: [], events: [] })

/** The run before is there until the current one has ended, which may take over its stages. */
const history = (runs: readonly RunStatus[], limit: number): readonly RunStatus[] => {
  const last = runs.at(-1)
  return runs.slice(-(last && !isFinished(last) ? Math.max(limit, 2) : limit))
}

/** Undefined where neither is wanted. */
const earlier = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b)

const distinct = (removals: readonly Removal[]): readonly Removal[] => [
  ...new Map(removals.map(item => [`${item.kind} ${item.uid}`, item])).values(),
]

const cut = (result: StepResult, limit: number): StepResult => ({
  ...result,
  runs: history(result.runs, limit),
})

const situations =
  (observed: Observed, spec: ResolvedSpec, now: number, config: JobConfig) =>
  (runs: readonly RunStatus[]): Situation => {
    const run = runs.at(-1)
    const effective = specOfRun(spec, run)
    return {
      observed: { ...observed, job: { ...observed.job, spec: effective } },
      spec: effective,
      specHash: specHash(spec),
      runs,
      run,
      now,
      config,
    }
  }

/** Events of what status tells come with its write, or they would come with every look until then. */
const held = (observed: Observed, decision: Decision): Decision => {
  const { status, events: _, ...rest } = decision
  const isDetail = status && decision.apply.length === 0 && decision.remove.length === 0
  const holdMs = isDetail ? heldStatusMs(observed, status) : 0
  return holdMs > 0 ? lookAgainWithin({ ...rest, events: [] }, holdMs) : decision
}

export const decide = (observed: Observed, now: number, config: JobConfig): Decision => {
  const { metadata, spec, status } = observed.job
  if (!spec || metadata.deletionTimestamp) return NOTHING
  const before = status?.runs ?? []
  const last = before.at(-1)
  const tracked = last && track(last, observed, now)
  const runs = tracked ? withRun(before, tracked.run) : []
  const situationOf = situations(observed, spec, now, config)
  const course = advance(situationOf, runs)
  const result = cut(course.result, spec.runHistoryLimit)
  const next = jobStatus(observed, result, now)
  const requeueAfterMs = earlier(result.requeueAfterMs, nextAccountingMs(observed))
  const seen = tracked?.events ?? []
  const decision: Decision = {
    apply: result.apply ?? [],
    remove: distinct([...(result.remove ?? []), ...strays(observed, result.runs)]),
    ...(next && isWorthWriting(observed, next, now) ? { status: next } : {}),
    events: [
      ...seen,
      ...(result.events ?? []),
      ...quotaEvents(status?.conditions, next?.conditions),
    ],
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  }
  const present = { owner: observed.job, pods: observed.pods, jobs: observed.stageJobs }
  const network = () => networkChildren(situationOf(result.runs))
  const unneeded = unneededPolicies(observed, result.runs)
  const whole = held(observed, fenced(decision, present, network, unneeded))
  if (whole.apply.length === 0) return whole
  const unmade = jobStatus(observed, cut(course.before, spec.runHistoryLimit), now)
  return unmade
    ? { ...whole, unmade: { status: unmade, events: [...seen, ...(course.before.events ?? [])] } }
    : whole
}
