/** Jobs by namespace and phase: one pass over the cache for each scrape. */

export type JobCount = {
  readonly namespace: string
  readonly phase: string
  readonly count: number
}

type Job = {
  readonly metadata: { readonly namespace?: string }
  readonly status?: { readonly phase?: string }
}

export const countJobs = (jobs: readonly Job[]): readonly JobCount[] => {
  const counts = new Map<string, Map<string, number>>()
  for (const { metadata, status } of jobs) {
    const { namespace = '' } = metadata
    const phase = status?.phase ?? 'Pending'
    const phases = counts.get(namespace) ?? new Map<string, number>()
    phases.set(phase, (phases.get(phase) ?? 0) + 1)
    counts.set(namespace, phases)
  }
  return [...counts].flatMap(([namespace, phases]) =>
    [...phases].map(([phase, count]) => ({ namespace, phase, count })),
  )
}
