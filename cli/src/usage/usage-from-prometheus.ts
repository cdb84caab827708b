/** Usage of a stretch of time, from the operator's counters. */
import { OPERATOR_METRICS } from '@attune/operator/metrics/definitions.ts'
import type { Query } from './prometheus-client.ts'
import { byNamespace, type Usage } from './usage.ts'

export type Period = {
  readonly seconds: number
  /** absent: all of them */
  readonly namespace?: string
}

const JOBS = OPERATOR_METRICS.jobs.name
const RUNS = OPERATOR_METRICS.runs.name
const ACCELERATOR_SECONDS = OPERATOR_METRICS.acceleratorSeconds.name

/** Evaluations of a subquery; Prometheus allows 11,000. */
const MAX_STEPS = 2_000
const MIN_STEP_SECONDS = 15

/** A namespace is a DNS label, so nothing in it needs an escape. */
const selector = ({ namespace }: Period) =>
  namespace === undefined ? '' : `{namespace="${namespace}"}`

/**
 * `increase` does not see what a counter held when it was scraped first. Where the process started within the
 * period that is usage of the period, too: after each restart of the operator, and for a new namespace.
 */
export const growthQuery = (counter: string, labels: string, period: Period): string => {
  const series = `${counter}${selector(period)}`
  const range = `${period.seconds}s`
  const started = `last_over_time(process_start_time_seconds[${range}]) > time() - ${period.seconds}`
  const first = `(min_over_time(${series}[${range}]) unless ${series} offset ${range})`
  // the sum of two vectors has only what is in both
  const zero = `0 * sum by (${labels}) (last_over_time(${series}[${range}]))`
  const grown = `sum by (${labels}) (increase(${series}[${range}])) or ${zero}`
  const held = `sum by (${labels}) (${first} and on (job, instance) (${started})) or ${zero}`
  return `(${grown}) + (${held})`
}

export const jobsQuery = (period: Period): string => {
  const step = Math.max(MIN_STEP_SECONDS, Math.ceil(period.seconds / MAX_STEPS))
  const jobs = `sum by (namespace) (${JOBS}${selector(period)})`
  return `max_over_time(${jobs}[${period.seconds}s:${step}s])`
}

/** Undefined where Prometheus knows nothing of the operator in that time. */
export const usageFromPrometheus = async (
  query: Query,
  period: Period,
): Promise<readonly Usage[] | undefined> => {
  const used = await query(growthQuery(ACCELERATOR_SECONDS, 'namespace, resource', period))
  const runs = await query(growthQuery(RUNS, 'namespace', period))
  const jobs = await query(jobsQuery(period))
  if (jobs.length + runs.length + used.length === 0) return undefined
  const none = { jobs: 0, runs: 0, acceleratorSeconds: {} }
  return byNamespace([
    ...jobs.map(({ labels: { namespace = '' }, value }) => ({
      ...none,
      namespace,
      jobs: Math.round(value),
    })),
    ...runs.map(({ labels: { namespace = '' }, value }) => ({
      ...none,
      namespace,
      runs: Math.round(value),
    })),
    ...used.map(({ labels: { namespace = '', resource = 'unknown' }, value }) => ({
      ...none,
      namespace,
      acceleratorSeconds: { [resource]: Math.round(value) },
    })),
  ])
}
