/** What was trained on. */
import { count, percent } from '../format.ts'
import { html, type Markup } from '../html.ts'
import type { ReportData } from '../report-data.ts'

const fact = (name: string, value: number, detail?: string): Markup =>
  html`<div><dt>${name}</dt><dd>${count(value)}${detail ? html`<small>${detail}</small>` : undefined}</dd></div>`

const sliceRow = (name: string, examples: number, largest: number, all: number): Markup =>
  html`<tr><th scope="row">${name}</th><td class="bars"><span class="track"><span class="bar tuned" style="width:${((100 * examples) / largest).toFixed(1)}%"></span></span></td>
<td class="number">${count(examples)}</td><td class="number">${percent(examples / all)}</td></tr>`

const slicesTable = (slices: Readonly<Record<string, number>>): Markup => {
  const entries = Object.entries(slices)
  if (entries.length < 2) return html``
  const largest = Math.max(...entries.map(([, examples]) => examples))
  const all = entries.reduce((sum, [, examples]) => sum + examples, 0)
  return html`<div class="card scroll" style="margin-top:14px"><table><thead><tr><th scope="col">slice</th><th></th>
<th scope="col" class="number">examples</th><th scope="col" class="number">share</th></tr></thead>
<tbody>${entries.map(([name, examples]) => sliceRow(name, examples, largest, all))}</tbody></table></div>`
}

export const dataSection = ({ dataset }: ReportData): Markup => {
  if (!dataset) return html``
  const { trainExamples, validationExamples, trainTokens, responseTokens, rowFullness } = dataset
  const full = rowFullness === undefined ? '' : `, ${percent(rowFullness)} full`
  const set = (name: string, value: number, detail: string) =>
    value > 0 ? fact(name, value, detail) : undefined
  return html`<section><h2>Data</h2><dl class="figures" style="margin-top:0">
${fact('Training examples', trainExamples, `in ${count(dataset.rows)} rows${full}`)}
${fact('Held-out examples', validationExamples)}
${fact('Tokens', trainTokens, `${percent(trainTokens > 0 ? responseTokens / trainTokens : 0)} of them learned`)}
${set('Duplicates', dataset.duplicates, 'content seen earlier in the data')}
${set('Shortened', dataset.truncated, 'prompts cut at their start')}
${set('Left out', dataset.dropped, 'too long, or nothing to learn')}
</dl>${slicesTable(dataset.slices)}</section>`
}
