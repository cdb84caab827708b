/** What to do about a job: pure, and the same for the same caches and the same moment. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { specHash } from '@attune/crds/stage-keys.ts'
import { fenced } from './fence.ts'
import { heldStatusMs } from './held-status.ts'
import type { JobConfig } from './job-config.ts'
import { isWorthWriting, jobStatus, nextAccountingMs } from './job-status.ts'
import { RUN_LABEL } from './names.ts'
import { networkChildren } from './network-children.ts'
import { jobHasEnded } from './pod-state.ts'
import { quotaEvents } from './queue/quota-event.ts'
import { removal } from './removal.ts'
import { isFinished, withRun } from './run.ts'
import type {
  Decision,
  Observed,
  Removal,
  RunStep,
  Situation,
  Step,
  StepResult,
} from './situation.ts'
import { specOfRun } from './spec-of-run.ts'
import { awaitDataset } from './steps/await-dataset.ts'
import { chooseModel } from './steps/choose-model.ts'
import { expire } from './steps/expire.ts'
import { finishStage } from './steps/finish-stage.ts'
import { holdForPolicy } from './steps/hold-for-policy.ts'
import { keepPins } from './steps/keep-pins.ts'
import { keepUnpublished } from './steps/keep-unpublished.ts'
import { recoverWorkspace } from './steps/recover-workspace.ts'
import { rejectInvalidSpec } from './steps/reject-invalid-spec.ts'
import { retryPublish } from './steps/retry-publish.ts'
import { reusePublished } from './steps/reuse-run.ts'
import { runStage } from './steps/run-stage.ts'
import { skipStage } from './steps/skip-stage.ts'
import { startRun } from './steps/start-run.ts'
import { suspend } from './steps/suspend.ts'
import { waitInQueue } from './steps/wait-in-queue.ts'
import { watchStage } from './steps/watch-stage.ts'
import { track } from './track.ts'

const NOTHING: Decision = Object.freeze({ apply: [], remove: [], events: [] })

const ofRun =
  (step: RunStep): Step =>
  situation =>
    situation.run ? step({ ...situation, run: situation.run }) : undefined

/** The first that applies decides. */
const STEPS: readonly Step[] = [
  startRun,
  ...[
    retryPublish,
    rejectInvalidSpec,
    recoverWorkspace,
    finishStage,
    reusePublished,
    suspend,
    keepPins,
    chooseModel,
    holdForPolicy,
    // what lies in the workspace needs no dataset any more
    skipStage,
    awaitDataset,
    keepUnpublished,
    runStage,
    waitInQueue,
    watchStage,
    expire,
  ].map(ofRun),
  ({ runs }) => ({ runs }),
]

const firstResult = (situation: Situation): StepResult => {
  for (const step of STEPS) {
    const result = step(situation)
    if (result) return result
  }
  return { runs: situation.runs }
}

/** Steps of one look that follow each other; a spec cannot lead to more. */
const MOVES_MAX = 16

const joined = (first: StepResult | undefined, next: StepResult): StepResult => ({
  ...first,
  ...next,
  apply: [...(first?.apply ?? []), ...(next.apply ?? [])],
  remove: [...(first?.remove ?? []), ...(next.remove ?? [])],
  events: [...(first?.events ?? []), ...(next.events ?? [])],
})

/** The end of a stage and the start of the next are one write of status. */
const advance = (
  situationOf: (runs: readonly RunStatus[]) => Situation,
  runs: readonly RunStatus[],
) => {
  let before: StepResult = { runs }
  let result = joined(before, firstResult(situationOf(runs)))
  for (let moves = 1; result.goesOn && moves < MOVES_MAX; moves += 1) {
    const { goesOn: _, ...done } = result
    before = done
    result = joined(before, firstResult(situationOf(before.runs)))
  }
  return { before, result }
}

/** Jobs of a run that is over and still go on, and what belongs to runs that history has dropped. */
const strays = (
  { job, stageJobs, configMaps }: Observed,
  runs: readonly RunStatus[],
): readonly Removal[] => {
  const current = String(runs.at(-1)?.number)
  const known = new Set(runs.map(({ number }) => String(number)))
  // one that Kueue gave up would be set going by whoever makes its Workload active again
  const stored = job.status?.runs?.at(-1)
  const over = stored !== undefined && isFinished(stored) ? String(stored.number) : undefined
  const runOf = (object: { metadata: { labels?: Readonly<Record<string, string>> } }) =>
    object.metadata.labels?.[RUN_LABEL] ?? ''
  return [
    ...stageJobs
      .filter(({ metadata }) => !metadata.deletionTimestamp)
      .filter(
        candidate =>
          !known.has(runOf(candidate)) ||
          ((runOf(candidate) !== current || runOf(candidate) === over) && !jobHasEnded(candidate)),
      )
      .map(candidate => removal('Job', candidate)),
    ...configMaps.filter(map => !known.has(runOf(map))).map(map => removal('ConfigMap', map)),
  ]
}

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
  const { status, events: _, requeueAfterMs, ...rest } = decision
  const isDetail = status && decision.apply.length === 0 && decision.remove.length === 0
  const holdMs = isDetail ? heldStatusMs(observed, status) : 0
  return holdMs > 0
    ? { ...rest, events: [], requeueAfterMs: Math.min(holdMs, requeueAfterMs ?? holdMs) }
    : decision
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
  const whole = held(observed, fenced(decision, present, network))
  if (whole.apply.length === 0) return whole
  const unmade = jobStatus(observed, cut(course.before, spec.runHistoryLimit), now)
  return unmade
    ? { ...whole, unmade: { status: unmade, events: [...seen, ...(course.before.events ?? [])] } }
    : whole
}
