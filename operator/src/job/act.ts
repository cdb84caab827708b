/** The only place that writes to Kubernetes for a job: children, then status once, then Events. */
import type { InstructionTuningJobStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import { blockedStatus } from './blocked-status.ts'
import { type Actor, carryOut } from './carry-out.ts'
import { refusal, writeStatus } from './children.ts'
import { heldStatusMs } from './held-status.ts'
import { InstructionTuningJobs } from './kinds.ts'
import type { Decision, Observed } from './situation.ts'

/** A status of the job was written. */
type Wrote = (status: InstructionTuningJobStatus) => void
type Looked = { readonly observed: Observed; readonly decision: Decision }

const sayBlocked = async (
  actor: Actor,
  { observed, decision: { unmade } }: Looked,
  wrote: Wrote,
  error: Error,
) => {
  const { job } = observed
  const note = refusal(error)
  const status = note && blockedStatus(job, unmade?.status ?? job.status, note, actor.now())
  // where it is held back, the retry that this leads to tells it
  if (!status || heldStatusMs(observed, status) > 0) return
  await writeStatus(actor.client, InstructionTuningJobs, job, status)
  wrote(status)
  for (const event of unmade?.events ?? []) actor.events.record(job, event)
}

export const act = (actor: Actor, looked: Looked, wrote: Wrote): Promise<void> => {
  const { observed, decision } = looked
  return carryOut(
    actor,
    {
      kind: InstructionTuningJobs,
      object: observed.job,
      sayBlocked: error => sayBlocked(actor, looked, wrote, error),
      wrote: () => decision.status && wrote(decision.status),
    },
    decision,
  )
}
