/** Status of a job as a whole: its current run on top, its history below. */
import { canonicalJson } from '@attune/crds/canonical-json.ts'
import type { Phase } from '@attune/crds/conditions.ts'
import type { InstructionTuningJobStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import {
  type AcceleratorTime,
  acceleratorTime,
  lastAccountedMs,
  usesAccelerator,
} from './accelerator-time.ts'
import { jobConditions } from './job-conditions.ts'
import { isRunning } from './pod-state.ts'
import { quotaOf } from './queue/quota.ts'
import type { Observed, StepResult } from './situation.ts'

/** Accelerator time alone is no reason to write more often. */
const ACCOUNTING_MS = 60_000

export const jobStatus = (
  observed: Observed,
  { runs, note, slices, selection }: StepResult,
  now: number,
): InstructionTuningJobStatus | undefined => {
  const run = runs.at(-1)
  const { metadata, spec, status: before } = observed.job
  if (!run || !spec) return undefined
  const generation = metadata.generation ?? 0
  const kept = before?.run === run.number ? before.evaluation?.slices : undefined
  const known = slices ?? kept
  const chosen = selection ?? (before?.run === run.number ? before.selection : undefined)
  // a source that the tenant gives is his own, whatever an earlier spec referred to
  const model = (spec.model.source ?? run.model?.source)?.uri
  const said = { spec, note, quota: quotaOf(observed, run, now) }
  return {
    phase: run.phase as Phase,
    observedGeneration: generation,
    conditions: jobConditions(run, said, { conditions: before?.conditions ?? [], generation }, now),
    run: run.number,
    runs: [...runs],
    ...(model === undefined ? {} : { model }),
    ...(chosen ? { selection: chosen } : {}),
    ...(run.plan ? { plan: run.plan } : {}),
    ...(run.dataset ? { dataset: run.dataset } : {}),
    ...(run.training ? { training: run.training } : {}),
    ...(run.evaluation
      ? { evaluation: { ...run.evaluation, ...(known ? { slices: known } : {}) } }
      : {}),
    ...(run.artifacts ? { artifacts: run.artifacts } : {}),
    ...acceleratorTime(before ?? {}, observed, now),
  }
}

const withoutAccounting = ({
  acceleratorSeconds: _seconds,
  acceleratorSecondsByResource: _byResource,
  accountedPods: _pods,
  accountedUntil: _until,
  ...rest
}: InstructionTuningJobStatus & AcceleratorTime) => rest

/** Whether it says anything new; while a pod runs, its accelerator time alone is new once a minute. */
export const isWorthWriting = (
  { job, pods }: Pick<Observed, 'job' | 'pods'>,
  status: InstructionTuningJobStatus,
  now: number,
): boolean => {
  const before = job.status ?? {}
  if (canonicalJson(withoutAccounting(before)) !== canonicalJson(withoutAccounting(status)))
    return true
  if (canonicalJson(before) === canonicalJson(status)) return false
  const since = now - lastAccountedMs(before)
  return since >= ACCOUNTING_MS || !pods.some(isRunning)
}

/** When to count again: a pod that is removed by force takes along what was not counted yet. */
export const nextAccountingMs = ({ pods }: Pick<Observed, 'pods'>): number | undefined =>
  pods.some(pod => isRunning(pod) && usesAccelerator(pod)) ? ACCOUNTING_MS : undefined
