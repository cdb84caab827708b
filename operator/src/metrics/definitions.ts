/** Every Prometheus metric of the operator. Labels are bounded: a job's name is never one. */
import type { MetricDefinitions } from '@attune/crds/metrics/metric-definition.ts'

const LATENCY = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const WAIT = [...LATENCY, 30, 60, 300]
/** a second to a day */
const PHASE = [1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400]

const KIND = 'kind of the object, such as `InstructionTuningJob`'
const NAMESPACE = 'namespace of the job'

export const OPERATOR_METRICS = {
  reconcileSeconds: {
    name: 'attune_operator_reconcile_seconds',
    type: 'histogram',
    help: 'Time of one look at an object.',
    labels: { kind: KIND, outcome: '`success`, `requeue` (look again later) or `error`' },
    buckets: LATENCY,
  },
  queueDepth: {
    name: 'attune_operator_queue_depth',
    type: 'gauge',
    help: 'Objects that wait for a worker.',
    labels: { kind: KIND },
  },
  queueWaitSeconds: {
    name: 'attune_operator_queue_wait_seconds',
    type: 'histogram',
    help: 'Time that an object waited for a worker.',
    labels: { kind: KIND },
    buckets: WAIT,
  },
  queueRetries: {
    name: 'attune_operator_queue_retries_total',
    type: 'counter',
    help: 'Looks that failed and are tried again.',
    labels: { kind: KIND },
  },
  queueDropped: {
    name: 'attune_operator_queue_dropped_total',
    type: 'counter',
    help: 'Objects that found the queue full; the next resync finds them again.',
    labels: { kind: KIND },
  },
  watchRestarts: {
    name: 'attune_operator_watch_restarts_total',
    type: 'counter',
    help: 'Watches that ended.',
    labels: {
      resource: 'what was watched, such as `pods`',
      reason: '`closed` (by the server, in time), `short`, `stalled`, `gone` or `failed`',
    },
  },
  apiRequests: {
    name: 'attune_operator_api_requests_total',
    type: 'counter',
    help: 'Requests to the API server.',
    labels: {
      verb: '`get`, `list`, `watch`, `create`, `apply`, `patch` or `delete`',
      resource: 'what was asked for, such as `instructiontuningjobs/status`',
      code: 'HTTP status, or `error` where no answer came',
    },
  },
  apiRequestSeconds: {
    name: 'attune_operator_api_request_seconds',
    type: 'histogram',
    help: 'Time to the headers of an answer of the API server, watches excluded.',
    labels: { verb: 'as in `attune_operator_api_requests_total`' },
    buckets: LATENCY,
  },
  eventsDropped: {
    name: 'attune_operator_events_dropped_total',
    type: 'counter',
    help: 'Kubernetes Events that found their queue full.',
  },
  hubLooks: {
    name: 'attune_operator_hub_looks_total',
    type: 'counter',
    help: 'Looks at sources of BaseModels on the hub.',
    labels: { outcome: '`ConfigRead`, or the reason why there was none, such as `SourceNotFound`' },
  },
  leader: {
    name: 'attune_operator_leader',
    type: 'gauge',
    help: '1 while this replica acts.',
  },
  jobs: {
    name: 'attune_jobs',
    type: 'gauge',
    help: 'InstructionTuningJobs there are, told by the replica that leads.',
    labels: { namespace: NAMESPACE, phase: 'phase of the job; `Pending` before it has one' },
  },
  experiments: {
    name: 'attune_experiments',
    type: 'gauge',
    help: 'TuningExperiments there are, told by the replica that leads.',
    labels: {
      namespace: 'namespace of the experiment',
      phase: 'phase of the experiment; `Pending` before it has one',
    },
  },
  experimentTrials: {
    name: 'attune_experiment_trials',
    type: 'gauge',
    help: 'Trials of the TuningExperiments there are, told by the replica that leads.',
    labels: {
      namespace: 'namespace of the experiment',
      phase:
        '`Waiting` (not made yet), `Running` (made and not ended), `Succeeded`, `Failed` or `Stopped` (given up early)',
    },
  },
  datasets: {
    name: 'attune_datasets',
    type: 'gauge',
    help: 'InstructionDatasets there are, told by the replica that leads.',
    labels: {
      namespace: 'namespace of the dataset',
      phase: 'phase of the dataset; `Pending` before it has one',
    },
  },
  phaseSeconds: {
    name: 'attune_job_phase_seconds',
    type: 'histogram',
    help: 'Time that a run spent in a phase, told as it leaves it.',
    labels: { phase: 'phase that it left' },
    buckets: PHASE,
  },
  runs: {
    name: 'attune_runs_total',
    type: 'counter',
    help: 'Runs that ended.',
    labels: { namespace: NAMESPACE, outcome: '`Succeeded`, `Failed` or `Superseded`' },
  },
  runFailures: {
    name: 'attune_run_failures_total',
    type: 'counter',
    help: 'Runs that failed.',
    labels: { namespace: NAMESPACE, reason: 'reason of the condition `Failed`' },
  },
  acceleratorSeconds: {
    name: 'attune_accelerator_seconds_total',
    type: 'counter',
    help: 'Running time of pods times their devices.',
    labels: {
      namespace: NAMESPACE,
      resource: 'extended resource, such as `nvidia.com/gpu`; `other` from the 16th on',
    },
  },
} as const satisfies MetricDefinitions
