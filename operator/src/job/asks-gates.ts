/** Gates are asked of what has trained to its end, or is published. */
import type { RunStatus } from '@attune/crds/instruction-tuning-job-status.ts'
import type { ResolvedSpec } from '@attune/crds/resolved-spec.ts'

/** Its training goes on later, and nothing of it is published until then. */
const isPartial = ({ training }: RunStatus, { training: asked, output }: ResolvedSpec): boolean => {
  const { stopAfterSteps, maxSteps } = asked
  if (stopAfterSteps === undefined || output.publish !== false) return false
  if (training?.stoppedEarly) return false
  // how many steps so many epochs are is not known here
  return (
    stopAfterSteps < (maxSteps ?? Number.POSITIVE_INFINITY) && training?.step === stopAfterSteps
  )
}

export const asksGates = (run: RunStatus, spec: ResolvedSpec): boolean => !isPartial(run, spec)
