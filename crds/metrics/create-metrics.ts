/** prom-client's objects for a table of definitions. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { MetricDefinition, MetricDefinitions } from './metric-definition.ts'

type LabelsOf<D extends MetricDefinition> = D extends {
  readonly labels: infer L extends Readonly<Record<string, string>>
}
  ? keyof L & string
  : never

type MetricOf<D extends MetricDefinition> = D['type'] extends 'counter'
  ? Counter<LabelsOf<D>>
  : D['type'] extends 'gauge'
    ? Gauge<LabelsOf<D>>
    : Histogram<LabelsOf<D>>

export type MetricsOf<T extends MetricDefinitions> = { readonly [K in keyof T]: MetricOf<T[K]> }

/** Sets a metric just before it is scraped. */
type Collectors<T extends MetricDefinitions> = {
  readonly [K in keyof T]?: (metric: MetricOf<T[K]>) => void
}

const create = (
  { name, type, help, labels = {}, buckets }: MetricDefinition,
  registry: Registry,
  collect?: (metric: never) => void,
): Counter | Gauge | Histogram => {
  const options = {
    name,
    help,
    labelNames: Object.keys(labels),
    registers: [registry],
    ...(collect
      ? {
          collect(this: unknown) {
            collect(this as never)
          },
        }
      : {}),
  }
  switch (type) {
    case 'counter':
      return new Counter(options)
    case 'gauge':
      return new Gauge(options)
    case 'histogram':
      return new Histogram({ ...options, ...(buckets ? { buckets: [...buckets] } : {}) })
  }
}

/** One object for each definition, under the same key. */
export const createMetrics = <T extends MetricDefinitions>(
  definitions: T,
  registry: Registry,
  collectors: Collectors<T> = {},
): MetricsOf<T> =>
  Object.freeze(
    Object.fromEntries(
      Object.entries(definitions).map(([key, definition]) => [
        key,
        create(definition, registry, collectors[key]),
      ]),
    ),
  ) as MetricsOf<T>
