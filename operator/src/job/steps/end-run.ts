/** How a run ends. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'
import { failed, succeeded } from '../events.ts'
import { asksGates } from '../asks-gates.ts'
import { withRun } from '../run.ts'
import type { Situation, StepResult } from '../situation.ts'
import type { Failure } from '../stage-failure.ts'
import { rfc3339Seconds } from '../../kube/conditions.ts'

const MESSAGE_MAX = 1024

export const failRun = (
  { runs, now }: Pick<Situation, 'runs' | 'now'>,
  run: RunStatus,
  { reason, message }: Failure,
): StepResult => {
  const cut = message.slice(0, MESSAGE_MAX)
  const ended: RunStatus = {
    ...run,
    phase: 'Failed',
    reason,
    message: cut,
    finishedAt: rfc3339Seconds(now),
  }
  return { runs: withRun(runs, ended), events: [failed(run.number, reason, cut)] }
}

export const succeedRun = (
  { runs, now }: Pick<Situation, 'runs' | 'now'>,
  run: RunStatus,
): StepResult => {
  const ended: RunStatus = { ...run, phase: 'Succeeded', finishedAt: rfc3339Seconds(now) }
  return { runs: withRun(runs, ended), events: [succeeded(run.number)] }
}

/** Undefined where the evaluation lets the run go on. */
export const gateFailure = (run: RunStatus, spec: ResolvedSpec): Failure | undefined => {
  const { evaluation } = run
  if (!evaluation || evaluation.gatesPassed || !asksGates(run, spec)) return undefined
  const missed = evaluation.gates
    .filter(({ passed }) => !passed)
    .map(
      ({ metric, rule, threshold, value }) => `${metric} ${rule} ${threshold}, measured ${value}`,
    )
  return {
    reason: 'GatesNotPassed',
    message: missed.length > 0 ? missed.join('; ') : 'a gate of the evaluation does not hold',
  }
}
