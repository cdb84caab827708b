/** What to do about a job: pure, and the same for the same caches and the same moment. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { specHash } from '@attune/crds/stage-keys.ts'
import type { JobConfig } from './job-config.ts'
import { isWorthWriting, jobStatus, nextAccountingMs } from './job-status.ts'
import { RUN_LABEL } from './names.ts'
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

export const decide = (observed: Observed, now: number, config: JobConfig): Decision => {
  const { metadata, spec, status } = observed.job
  if (!spec || metadata.deletionTimestamp) return NOTHING
  const before = status?.runs ?? []
  const last = before.at(-1)
  const tracked = last && track(last, observed, now)
  const runs = tracked ? withRun(before, tracked.run) : []
  const effective = specOfRun(spec, tracked?.run)
  const situation: Situation = {
    observed: { ...observed, job: { ...observed.job, spec: effective } },
    spec: effective,
    specHash: specHash(spec),
    runs,
    run: tracked?.run,
    now,
    config,
  }
  const result = firstResult(situation)
  const kept = { ...result, runs: history(result.runs, spec.runHistoryLimit) }
  const next = jobStatus(observed, kept, now)
  const requeueAfterMs = earlier(result.requeueAfterMs, nextAccountingMs(observed))
  return {
    apply: result.apply ?? [],
    remove: distinct([...(result.remove ?? []), ...strays(observed, kept.runs)]),
    ...(next && isWorthWriting(observed, next, now) ? { status: next } : {}),
    events: [
      ...(tracked?.events ?? []),
      ...(result.events ?? []),
      ...quotaEvents(status?.conditions, next?.conditions),
    ],
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  }
}
