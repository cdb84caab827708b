/** How the loss fell, and what drove it. */
import { accuracyChart, gradientNormChart, learningRateChart, lossChart } from '../charts.ts'
import { html, type Markup } from '../html.ts'
import type { ReportData } from '../report-data.ts'

const chart = (title: string, drawing: Markup): Markup =>
  html`<figure class="card"><figcaption><b>${title}</b></figcaption>${drawing}</figure>`

export const learningSection = ({ curves, training }: ReportData): Markup => {
  const { steps, validation } = curves
  const bestStep = training?.bestStep
  if (steps.length === 0) return html``
  return html`<section><h2>Learning</h2>
<figure class="card wide"><figcaption class="legend"><span class="tuned">training loss: single steps, and their running mean</span>${
    validation.length > 0 ? html`<span class="base">validation loss</span>` : undefined
  }${
    bestStep === undefined ? undefined : html`<span>dashed: step ${bestStep}, the best</span>`
  }</figcaption>${lossChart(curves, bestStep)}</figure>
<div class="chart-row">
${chart('Learning rate', learningRateChart(steps))}
${chart('Gradient norm before clipping', gradientNormChart(steps))}
${validation.length > 0 ? chart('Validation tokens predicted right', accuracyChart(validation)) : undefined}
</div></section>`
}
