/** Whether the API server's refusal of a trial is the trial's result, or something that passes. */
import { refusal } from '../job/children.ts'
import { isForbidden, isInvalid } from '../kube/kube-error.ts'

/**
 * How an admission policy and a webhook word their verdict. A quota, a missing right, a webhook that does not
 * answer and a policy whose parameters cannot be read read otherwise: those pass.
 */
const VERDICT = /\bdenied (the request\b|request: (?!failed to configure ))/
const COUNT_QUOTA = /exceeded quota: .*count\/instructiontuningjobs/

export const isVerdict = (error: unknown): error is Error =>
  error instanceof Error &&
  (isInvalid(error) || (isForbidden(error) && VERDICT.test(error.message)))

/** @returns why the experiment waits; undefined where the same request may succeed in a moment */
export const whyWaiting = (error: Error, trials: number) => {
  const why = refusal(error)
  if (!why || !COUNT_QUOTA.test(why.message)) return why
  const hint = `every trial keeps its job until the experiment is deleted, so the quota has to leave room for ${trials} jobs at once`
  return { ...why, message: `${hint}: ${why.message}` }
}
