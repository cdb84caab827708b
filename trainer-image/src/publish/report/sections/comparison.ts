/** Base against tuned: every metric, every slice, every gate. */
import type { GateResult, MetricPair } from '@attune/crds/stage.ts'
import { count, metricName, percent, points } from '../format.ts'
import { html, type Markup } from '../html.ts'
import type { ReportData } from '../report-data.ts'

const bar = (model: 'base' | 'tuned', value: number): Markup =>
  html`<span class="bar ${model}" style="width:${(100 * Math.min(1, Math.max(0, value))).toFixed(1)}%"></span>`

const change = ({ base, tuned }: MetricPair): Markup => {
  const difference = tuned - base
  const kind = Math.abs(difference) < 5e-4 ? 'plain' : difference > 0 ? 'good' : 'bad'
  return html`<td class="number ${kind}">${points(difference)}</td>`
}

const row = (name: string, pair: MetricPair, examples?: number): Markup =>
  html`<tr><th scope="row">${name}</th>${
    examples === undefined ? undefined : html`<td class="number">${count(examples)}</td>`
  }<td class="bars"><span class="track">${bar('base', pair.base)}${bar('tuned', pair.tuned)}</span></td>
<td class="number">${percent(pair.base)}</td><td class="number">${percent(pair.tuned)}</td>${change(pair)}</tr>`

const table = (first: string, rows: readonly Markup[], withExamples: boolean): Markup =>
  html`<div class="scroll"><table><thead><tr><th scope="col">${first}</th>${
    withExamples ? html`<th scope="col" class="number">examples</th>` : undefined
  }<th class="bars"></th><th scope="col" class="number">base</th>
<th scope="col" class="number">tuned</th><th scope="col" class="number">change, points</th></tr></thead>
<tbody>${rows}</tbody></table></div>`

const legend = html`<p class="legend"><span class="base">base model</span><span class="tuned">tuned model</span></p>`

const suite = (data: ReportData, name: string): Markup => {
  const metrics = Object.entries(data.evaluation.suites[name] ?? {})
  const slices = Object.entries(data.evaluation.slices?.[name] ?? {})
  if (metrics.length === 0)
    return html`<div class="card"><h3>${name}</h3><p class="note">No example was there to answer.</p></div>`
  const sliceTables = slices.map(([metric, values], index) => {
    const rows = Object.entries(values).map(([slice, pair]) =>
      row(slice, pair, data.samples.counts[name]?.[slice] ?? 0),
    )
    const title = `${metricName(metric)} by slice`
    const body = table('slice', rows, true)
    return index === 0
      ? html`<h3>${title}</h3>${body}`
      : html`<details><summary>${title}</summary>${body}</details>`
  })
  return html`<div class="card"><h3 style="margin-top:0">${name}</h3>${legend}
${table(
  'metric',
  metrics.map(([metric, pair]) => row(metricName(metric), pair)),
  false,
)}${sliceTables}</div>`
}

export const comparisonSection = (data: ReportData): Markup =>
  html`<section><h2>Base against tuned</h2>
${data.provenance.spec.evaluation.suites.map(({ name }) => suite(data, name))}</section>`

const RULES: Readonly<Record<GateResult['rule'], string>> = {
  atLeast: 'tuned value is at least',
  improvesOnBaseBy: 'tuned value exceeds base by at least',
  maxSliceGap: 'worst slice is below the mean of slices by at most',
}

const gateRow = ({ metric, rule, threshold, value, passed }: GateResult): Markup =>
  html`<tr><th scope="row">${metric}</th><td>${RULES[rule]}</td><td class="number">${threshold.toFixed(3)}</td>
<td class="number">${value.toFixed(3)}</td><td class="${passed ? 'good' : 'bad'}">${passed ? '✓ holds' : '✗ fails'}</td></tr>`

export const gatesSection = ({ evaluation }: ReportData): Markup =>
  evaluation.gates.length === 0
    ? html``
    : html`<section><h2>Gates</h2><div class="card scroll"><table><thead><tr><th scope="col">metric</th><th scope="col">rule</th>
<th scope="col" class="number">threshold</th><th scope="col" class="number">measured</th><th></th></tr></thead>
<tbody>${evaluation.gates.map(gateRow)}</tbody></table></div></section>`
