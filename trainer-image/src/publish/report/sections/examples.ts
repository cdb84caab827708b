/** Single examples: prompt, reference, and what both models said. */
import { difference } from '../difference.ts'
import { metricName, percent } from '../format.ts'
import { html, type Markup } from '../html.ts'
import type { ReportData, Sample } from '../report-data.ts'

const text = (value: string): Markup =>
  value.trim() === ''
    ? html`<p class="text empty">empty</p>`
    : html`<p class="text">${value.trim()}</p>`

const answer = (model: 'base' | 'tuned', value: string, reference: string): Markup => {
  if (value.trim() === '') return html`<p class="text answer ${model} empty">empty</p>`
  const { before, changed, after } = difference(value.trim(), reference.trim())
  // an answer that shares nothing with the reference is easier to read unmarked
  const content =
    model === 'tuned' && changed !== '' && before + after !== ''
      ? html`${before}<mark>${changed}</mark>${after}`
      : value.trim()
  return html`<p class="text answer ${model}">${content}</p>`
}

const scores = (sample: Sample): Markup[] =>
  Object.entries(sample.scores).map(
    ([metric, { base, tuned }]) =>
      html`<span>${metricName(metric)} ${percent(base, 0)} → ${percent(tuned, 0)}</span>`,
  )

const example = (sample: Sample, manySuites: boolean): Markup =>
  html`<article class="card example"><header>${manySuites ? html`<span>${sample.suite}</span>` : undefined}${
    sample.slice === 'all' ? undefined : html`<span>${sample.slice}</span>`
  }${scores(sample)}</header>
<dl><dt>Prompt</dt><dd>${text(sample.prompt)}</dd><dt>Reference</dt><dd>${text(sample.reference)}</dd>
<dt>Base</dt><dd>${answer('base', sample.base, sample.reference)}</dd>
<dt>Tuned</dt><dd>${answer('tuned', sample.tuned, sample.reference)}</dd></dl></article>`

export const examplesSection = ({ samples, evaluation }: ReportData): Markup => {
  const suites = Object.keys(evaluation.suites).length
  const asked = Object.keys(samples.counts).length > 0
  if (!asked) return html``
  const list = (of: readonly Sample[]) => of.map(sample => example(sample, suites > 1))
  return html`<section><h2>Where tuning helped most</h2>
${samples.best.length > 0 ? list(samples.best) : html`<p class="note">On no example was the tuned model better than the base model.</p>`}
</section><section><h2>Where it is still wrong</h2>
${samples.worst.length > 0 ? list(samples.worst) : html`<p class="note">Every answer of the tuned model is right.</p>`}
</section>`
}
