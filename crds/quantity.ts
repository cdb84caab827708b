/** Kubernetes quantities, such as `80Gi`, as numbers. */

const SUFFIXES: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** @returns NaN for what is no quantity; the schema lets none through */
export const quantityNumber = (quantity: string | number): number => {
  const [, digits, suffix] = /^([-+]?[0-9.]+(?:[eE][-+]?[0-9.]+)?)([numkMGTPE]i?)?$/.exec(
    String(quantity),
  ) ?? [undefined, undefined, undefined]
  if (digits === undefined) return Number.NaN
  return Number(digits) * (suffix === undefined ? 1 : (SUFFIXES[suffix] ?? Number.NaN))
}
