/** The only place that writes to Kubernetes for a job: children, then status once, then Events. */
import { blockedStatus } from './blocked-status.ts'
import { type Actor, carryOut } from './carry-out.ts'
import { refusal, writeStatus } from './children.ts'
import { type InstructionTuningJob, InstructionTuningJobs } from './kinds.ts'
import type { Decision } from './situation.ts'

const sayBlocked = async (actor: Actor, job: InstructionTuningJob, error: Error) => {
  const note = refusal(error)
  const status = note && blockedStatus(job, note, actor.now())
  if (status) await writeStatus(actor.client, InstructionTuningJobs, job, status)
}

export const act = (actor: Actor, job: InstructionTuningJob, decision: Decision): Promise<void> =>
  carryOut(
    actor,
    {
      kind: InstructionTuningJobs,
      object: job,
      sayBlocked: error => sayBlocked(actor, job, error),
    },
    decision,
  )
