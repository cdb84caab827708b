/** What every process of ours says of itself: prom-client's default metrics, those of them that can be told apart. */
import { collectDefaultMetrics, type Registry } from 'prom-client'
import type { MetricDefinition, MetricType } from './metric-definition.ts'

const define = (name: string, type: MetricType, help: string): MetricDefinition => ({
  name,
  type,
  help,
})

export const PROCESS_METRICS: readonly MetricDefinition[] = [
  define('process_cpu_seconds_total', 'counter', 'CPU time.'),
  define('process_cpu_user_seconds_total', 'counter', 'CPU time outside the kernel.'),
  define('process_cpu_system_seconds_total', 'counter', 'CPU time in the kernel.'),
  define('process_start_time_seconds', 'gauge', 'When the process started, since 1970.'),
  define('process_resident_memory_bytes', 'gauge', 'Memory in RAM.'),
  define('process_virtual_memory_bytes', 'gauge', 'Address space.'),
  define('process_heap_bytes', 'gauge', 'Data segment.'),
  define('process_open_fds', 'gauge', 'Open file descriptors.'),
  define('process_max_fds', 'gauge', 'File descriptors that may be open.'),
  define('nodejs_eventloop_lag_seconds', 'gauge', 'Lag of the event loop at the scrape.'),
  define('nodejs_eventloop_lag_min_seconds', 'gauge', 'Least lag since the scrape before.'),
  define('nodejs_eventloop_lag_max_seconds', 'gauge', 'Greatest lag since the scrape before.'),
  define('nodejs_eventloop_lag_mean_seconds', 'gauge', 'Mean lag since the scrape before.'),
  define('nodejs_eventloop_lag_stddev_seconds', 'gauge', 'Its standard deviation.'),
  define('nodejs_eventloop_lag_p50_seconds', 'gauge', 'Its 50th percentile.'),
  define('nodejs_eventloop_lag_p90_seconds', 'gauge', 'Its 90th percentile.'),
  define('nodejs_eventloop_lag_p99_seconds', 'gauge', 'Its 99th percentile.'),
  define('nodejs_heap_size_total_bytes', 'gauge', 'JavaScript heap.'),
  define('nodejs_heap_size_used_bytes', 'gauge', 'JavaScript heap in use.'),
  define('nodejs_external_memory_bytes', 'gauge', 'Memory of buffers outside the heap.'),
  define('nodejs_gc_duration_seconds', 'histogram', 'Garbage collections, by label `kind`.'),
  define('nodejs_version_info', 'gauge', '1, with the version of Node.js in its labels.'),
]

const documented = new Set(PROCESS_METRICS.map(({ name }) => name))

/** Some of prom-client's break Prometheus' rules of naming (gauges that end in `_total`): they are left out. */
export const registerProcessMetrics = (registry: Registry): void => {
  collectDefaultMetrics({ register: registry })
  for (const { name } of registry.getMetricsAsArray())
    if (/^(process|nodejs)_/.test(name) && !documented.has(name)) registry.removeSingleMetric(name)
}
