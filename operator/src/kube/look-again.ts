/** @returns the same result, after which the object is looked at again in that time at the latest */
export const lookAgainWithin = <R extends { readonly requeueAfterMs?: number }>(
  result: R,
  ms: number,
): R & { readonly requeueAfterMs: number } => ({
  ...result,
  requeueAfterMs: Math.min(ms, result.requeueAfterMs ?? ms),
})
