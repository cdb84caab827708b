/** Title, verdict, and the figures that matter most. */
import type { EvaluationSummary } from '@attune/crds/stage.ts'
import { count, duration, figure, metricName, percent, points } from '../format.ts'
import { html, type Markup } from '../html.ts'
import type { ReportData } from '../report-data.ts'

/** By how many gates there are. */
const HOLD: Readonly<Record<number, string>> = { 1: 'The gate holds', 2: 'Both gates hold' }

export const verdictOf = ({
  gates,
  gatesPassed,
}: EvaluationSummary): { readonly text: string; readonly kind: 'good' | 'bad' | 'plain' } => {
  const failed = gates.filter(gate => !gate.passed).length
  if (gates.length === 0) return { text: 'No gates were set', kind: 'plain' }
  if (!gatesPassed) return { text: `${failed} of ${gates.length} gates failed`, kind: 'bad' }
  return {
    text: HOLD[gates.length] ?? `All ${gates.length} gates hold`,
    kind: 'good',
  }
}

/** Values of the metric that the score is made of, from the first suite that measured something. */
const mainMetric = ({ evaluation, provenance }: ReportData) => {
  for (const suite of provenance.spec.evaluation.suites) {
    const metric = suite.metrics[0]
    const pair = metric === undefined ? undefined : evaluation.suites[suite.name]?.[metric]
    if (metric !== undefined && pair) return { suite: suite.name, metric, pair }
  }
  return undefined
}

const examplesOf = ({ samples }: ReportData, suite: string): number =>
  Object.values(samples.counts[suite] ?? {}).reduce((sum, value) => sum + value, 0)

const lead = (data: ReportData): Markup => {
  const main = mainMetric(data)
  if (!main) return html`<p class="lead">No validation example was there to measure on.</p>`
  const { base, tuned } = main.pair
  const examples = count(examplesOf(data, main.suite))
  const measured =
    main.metric === 'exactMatch'
      ? html`answers <b>${percent(tuned)}</b> of ${examples} held-out examples exactly as the reference does`
      : html`reaches a ${metricName(main.metric)} of <b>${percent(tuned)}</b> on ${examples} held-out examples`
  return html`<p class="lead">The tuned model ${measured}; the base model ${
    main.metric === 'exactMatch' ? 'answers' : 'reaches'
  } <b>${percent(base)}</b>.</p>`
}

const card = (name: string, value: string, detail?: string): Markup =>
  html`<div><dt>${name}</dt><dd>${value}${detail ? html`<small>${detail}</small>` : undefined}</dd></div>`

const trainingCards = ({ training }: ReportData): readonly Markup[] => {
  if (!training) return []
  const { steps, tokens, tokensPerSecond, finalLoss, validationLoss, seconds } = training
  const ended = training.stoppedEarly ? ', stopped early' : ''
  return [
    card(
      'Final loss',
      figure(finalLoss),
      validationLoss === undefined ? undefined : `${figure(validationLoss)} on validation data`,
    ),
    card('Steps', count(steps), `${count(tokens)} tokens${ended}`),
    ...(training.bestStep === undefined
      ? []
      : [
          card('Best step', count(training.bestStep), 'by validation; the adapter is of this step'),
        ]),
    card('Training time', duration(seconds), `${count(tokensPerSecond)} tokens per second`),
  ]
}

export const summarySection = (data: ReportData): Markup => {
  const { job, spec, publishedAt } = data.provenance
  const verdict = verdictOf(data.evaluation)
  const main = mainMetric(data)
  return html`<header>
<p class="overline">Instruction tuning · ${job.namespace} · run ${job.run} · ${publishedAt.slice(0, 10)}</p>
<h1>${job.name}</h1>
<div class="verdict ${verdict.kind}">${verdict.text}</div>
${lead(data)}
<dl class="figures">
${card('Score', data.evaluation.score.toFixed(3), spec.evaluation.suites.length > 1 ? `mean of ${spec.evaluation.suites.length} suites` : undefined)}
${main ? card(`${metricName(main.metric)}, change`, points(main.pair.tuned - main.pair.base), 'points over the base model') : undefined}
${trainingCards(data)}
</dl>
</header>`
}
