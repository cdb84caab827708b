/** What metrics learn from a write of a job's status: phases left, runs ended, accelerator time used. */
import type {
  InstructionTuningJobStatus,
  RunStatus,
} from '@attune/crds/instruction-tuning-job-status.ts'
import { acceleratorUse } from './accelerator-time.ts'
import { isFinished } from './run.ts'
import type { Observed } from './situation.ts'

export type JobMeter = {
  /** A run left that phase after so many seconds in it. */
  left(phase: string, seconds: number): void
  /** @param reason of a run that failed */
  ended(namespace: string, outcome: string, reason?: string): void
  /** With 0 seconds as a pod begins: a counter that starts at 0 loses nothing of its first rise. */
  used(namespace: string, resource: string, seconds: number): void
}

export type RunEnd = { readonly outcome: string; readonly reason?: string }

const lastRun = (status: InstructionTuningJobStatus | undefined): RunStatus | undefined =>
  status?.runs?.at(-1)

/** Runs that had not ended before and have after; history may have dropped one that another took the place of. */
export const runEnds = (
  before: InstructionTuningJobStatus | undefined,
  after: InstructionTuningJobStatus,
): readonly RunEnd[] => {
  const earlier = new Map((before?.runs ?? []).map(run => [run.number, run]))
  const last = lastRun(before)
  const isDropped =
    last && !isFinished(last) && !after.runs?.some(({ number }) => number === last.number)
  const ended = (after.runs ?? []).filter(run => {
    const known = earlier.get(run.number)
    return isFinished(run) && !(known && isFinished(known))
  })
  return [
    ...(isDropped ? [{ outcome: 'Superseded' }] : []),
    ...ended.map(({ phase, reason }) => ({
      outcome: phase,
      ...(phase === 'Failed' ? { reason: reason ?? 'StageFailed' } : {}),
    })),
  ]
}

type Phase = { readonly run: number; readonly phase: string; readonly sinceMs?: number }

/**
 * Since when each unfinished run is in its phase, as far as this process has seen it come there: status does not
 * say, and a guess would be wrong after each suspension.
 */
const createPhases = () => {
  const phases = new Map<string, Phase>()
  return {
    /** @returns the phase that was left and how long it took, where that is known */
    moved: (
      key: string,
      before: RunStatus | undefined,
      after: RunStatus | undefined,
      now: number,
    ) => {
      const known = phases.get(key)
      const at = known ?? (before && { run: before.number, phase: before.phase })
      if (at?.run === after?.number && at?.phase === after?.phase) return undefined
      if (after && !isFinished(after))
        phases.set(key, { run: after.number, phase: after.phase, sinceMs: now })
      else phases.delete(key)
      return known?.sinceMs === undefined
        ? undefined
        : { phase: known.phase, seconds: (now - known.sinceMs) / 1000 }
    },
    forget: (key: string) => void phases.delete(key),
  }
}

export const createJobObserver = (meter: JobMeter) => {
  const phases = createPhases()
  return {
    /** Status was written after that look. */
    wrote: (key: string, observed: Observed, status: InstructionTuningJobStatus, now: number) => {
      const { namespace = '' } = observed.job.metadata
      const before = observed.job.status
      const left = phases.moved(key, lastRun(before), lastRun(status), now)
      if (left) meter.left(left.phase, left.seconds)
      for (const { outcome, reason } of runEnds(before, status))
        meter.ended(namespace, outcome, reason)
      for (const [name, seconds] of acceleratorUse(before ?? {}, observed, now).seconds)
        meter.used(namespace, name, seconds)
    },
    /** The job is gone. */
    gone: phases.forget,
  }
}
export type JobObserver = ReturnType<typeof createJobObserver>
