/** `docs/metrics.md`, from the tables that the processes make their metrics of. */
import type { MetricDefinition } from '@attune/crds/metrics/metric-definition.ts'
import { PROCESS_METRICS } from '@attune/crds/metrics/process-metrics.ts'
import { OPERATOR_METRICS } from '@attune/operator/metrics/definitions.ts'
import { TRAINER_METRICS } from '@attune/trainer/metric-definitions.ts'

export const METRICS_PAGE = 'docs/metrics.md'

const cell = (text: string) => text.replaceAll('|', '\\|')

const labelsOf = ({ labels = {} }: MetricDefinition) =>
  Object.entries(labels)
    .map(([name, meaning]) => `\`${name}\`: ${meaning}`)
    .join('; ')

const table = (definitions: readonly MetricDefinition[]): string =>
  [
    ['metric', 'type', 'what it says', 'labels'],
    ['---', '---', '---', '---'],
    ...definitions.map(definition => [
      `\`${definition.name}\``,
      definition.type,
      definition.help,
      labelsOf(definition),
    ]),
  ]
    .map(row => `| ${row.map(cell).join(' | ')} |`)
    .join('\n')

export const metricsPage =
  (): string => `<!-- Written by \`npm run generate\` from the definitions of operator and trainer. Do not edit. -->

# Metrics

Names and units follow Prometheus' conventions. No label holds the name of a job or anything else that grows without bound; which job a trainer's series is of is told by the labels that Prometheus puts on its target (with the chart's PodMonitor \`attune_dev_job\`, \`attune_dev_run\`, \`attune_dev_stage\` and \`namespace\`).

## Operator

On port 8080 of the operator's pods (Service \`attune-operator-metrics\`), under \`/metrics\`. With several replicas only the one that leads looks at objects.

${table(Object.values(OPERATOR_METRICS))}

Counters start at 0 with each start of the operator: look at them through \`rate\` or \`increase\`. \`attune usage\` adds up \`attune_accelerator_seconds_total\` and \`attune_runs_total\` by namespace. \`attune_job_phase_seconds\` leaves out a phase that began before the operator did.

## Trainer

On the port \`http\` of a stage's pod, under \`/metrics\`, while the stage runs.

${table(Object.values(TRAINER_METRICS))}

## Both

What prom-client tells of a Node.js process.

${table(PROCESS_METRICS)}
`
