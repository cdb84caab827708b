/** Who used what: one entry a namespace. */

export type Usage = {
  readonly namespace: string
  readonly jobs: number
  readonly runs: number
  /** by extended resource, such as `nvidia.com/gpu` */
  readonly acceleratorSeconds: Readonly<Record<string, number>>
}

export const addTo = (
  sums: Readonly<Record<string, number>>,
  more: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...new Set([...Object.keys(sums), ...Object.keys(more)])]
      .sort()
      .map(resource => [resource, (sums[resource] ?? 0) + (more[resource] ?? 0)]),
  )

const NONE: Omit<Usage, 'namespace'> = Object.freeze({ jobs: 0, runs: 0, acceleratorSeconds: {} })

const plus = (a: Omit<Usage, 'namespace'>, b: Omit<Usage, 'namespace'>) => ({
  jobs: a.jobs + b.jobs,
  runs: a.runs + b.runs,
  acceleratorSeconds: addTo(a.acceleratorSeconds, b.acceleratorSeconds),
})

export const totalOf = (usages: readonly Usage[]): Omit<Usage, 'namespace'> =>
  usages.reduce<Omit<Usage, 'namespace'>>(plus, NONE)

/** Parts of the same namespace are added up; the heaviest user comes first. */
export const byNamespace = (parts: Iterable<Usage>): readonly Usage[] => {
  const found = new Map<string, Omit<Usage, 'namespace'>>()
  for (const { namespace, ...part } of parts)
    found.set(namespace, plus(found.get(namespace) ?? NONE, part))
  const seconds = ({ acceleratorSeconds }: Usage) =>
    Object.values(acceleratorSeconds).reduce((sum, value) => sum + value, 0)
  return [...found]
    .map(([namespace, usage]) => ({ namespace, ...usage }))
    .sort((a, b) => seconds(b) - seconds(a) || (a.namespace < b.namespace ? -1 : 1))
}
