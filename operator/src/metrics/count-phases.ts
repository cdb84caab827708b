/** Objects by namespace and phase: one pass over a cache for each scrape. */
import type { TuningExperimentStatus } from '@attune/crds/tuning-experiment-status.ts'

export type PhaseCount = {
  readonly namespace: string
  readonly phase: string
  readonly count: number
}

type Counted<Status> = {
  readonly metadata: { readonly namespace?: string }
  readonly status?: Status
}
type Entry = Omit<PhaseCount, 'namespace'>

const summed = <Status>(
  objects: readonly Counted<Status>[],
  entriesOf: (status: Status | undefined) => readonly Entry[],
): readonly PhaseCount[] => {
  const counts = new Map<string, Map<string, number>>()
  for (const { metadata, status } of objects) {
    const { namespace = '' } = metadata
    const phases = counts.get(namespace) ?? new Map<string, number>()
    for (const { phase, count } of entriesOf(status))
      phases.set(phase, (phases.get(phase) ?? 0) + count)
    counts.set(namespace, phases)
  }
  return [...counts].flatMap(([namespace, phases]) =>
    [...phases].map(([phase, count]) => ({ namespace, phase, count })),
  )
}

export const countPhases = (objects: readonly Counted<{ readonly phase?: string }>[]) =>
  summed(objects, status => [{ phase: status?.phase ?? 'Pending', count: 1 }])

/** What each experiment has counted of its own trials; one that no look has seen yet has counted none. */
export const countTrials = (
  experiments: readonly Counted<Pick<TuningExperimentStatus, 'counts'>>[],
): readonly PhaseCount[] =>
  summed(experiments, status => {
    const { counts } = status ?? {}
    if (!counts) return []
    const { waiting, running, succeeded, failed, stopped } = counts
    return [
      { phase: 'Waiting', count: waiting },
      { phase: 'Running', count: running },
      { phase: 'Succeeded', count: succeeded },
      { phase: 'Failed', count: failed },
      { phase: 'Stopped', count: stopped },
    ]
  })
