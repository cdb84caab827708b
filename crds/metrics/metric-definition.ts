/** Prometheus metrics as data: a process makes its objects from them, and the documentation its tables. */

export type MetricType = 'counter' | 'gauge' | 'histogram'

export type MetricDefinition = {
  readonly name: string
  readonly type: MetricType
  /** one sentence */
  readonly help: string
  /** what each label says; its values must be few */
  readonly labels?: Readonly<Record<string, string>>
  /** upper bounds, of a histogram */
  readonly buckets?: readonly number[]
}

export type MetricDefinitions = Readonly<Record<string, MetricDefinition>>
