/** Readers of values that a pod wrote: what is not as expected becomes `undefined`, never an exception. */

export type Fields = Readonly<Record<string, unknown>>

export const fields = (value: unknown): Fields | undefined =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as Fields)
    : undefined

export const number = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

export const positive = (value: unknown): number | undefined => {
  const read = number(value)
  return read !== undefined && read >= 0 ? read : undefined
}

export const count = (value: unknown): number | undefined => {
  const read = positive(value)
  return read !== undefined && Number.isSafeInteger(Math.round(read)) ? Math.round(read) : undefined
}

export const text = (value: unknown, maxLength: number): string | undefined =>
  typeof value === 'string' ? value.slice(0, maxLength) : undefined

export const flag = (value: unknown): boolean | undefined =>
  typeof value === 'boolean' ? value : undefined

/** At most `max` entries with keys of at most 128 characters; entries that cannot be read are left out. */
export const mapOf = <T>(
  value: unknown,
  max: number,
  read: (value: unknown) => T | undefined,
): Readonly<Record<string, T>> | undefined => {
  const from = fields(value)
  if (!from) return undefined
  const entries = Object.entries(from)
    .slice(0, max)
    .map(([key, item]) => [key.slice(0, 128), read(item)] as const)
    .filter((entry): entry is readonly [string, T] => entry[1] !== undefined)
  return Object.fromEntries(entries)
}

export const listOf = <T>(
  value: unknown,
  max: number,
  read: (value: unknown) => T | undefined,
): readonly T[] | undefined =>
  Array.isArray(value)
    ? value
        .slice(0, max)
        .map(read)
        .filter(item => item !== undefined)
    : undefined

type Readers<T> = { readonly [K in keyof T]-?: (value: unknown) => T[K] | undefined }

/** An object with every one of `required` and those of `optional` that can be read; else undefined. */
export const shape = <R extends object, O extends object>(
  value: unknown,
  required: Readers<R>,
  optional: Readers<O>,
): (R & Partial<O>) | undefined => {
  const from = fields(value)
  if (!from) return undefined
  const result: Record<string, unknown> = {}
  for (const [key, read] of Object.entries<(value: unknown) => unknown>(required)) {
    const item = read(from[key])
    if (item === undefined) return undefined
    result[key] = item
  }
  for (const [key, read] of Object.entries<(value: unknown) => unknown>(optional)) {
    const item = read(from[key])
    if (item !== undefined) result[key] = item
  }
  return result as R & Partial<O>
}
