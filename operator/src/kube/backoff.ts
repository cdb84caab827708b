/** Exponential backoff with jitter: the n-th delay lies in [½, 1) of min(cap, base · 2ⁿ). */

export type BackoffOptions = { readonly baseMs: number; readonly capMs: number }

export const backoffDelay = (
  { baseMs, capMs }: BackoffOptions,
  failures: number,
  random: () => number,
): number => Math.min(capMs, baseMs * 2 ** Math.min(failures, 52)) * (0.5 + random() / 2)
