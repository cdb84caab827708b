/** What the result was made from. */

import type { SourceDigest } from '../../provenance.ts'
import { html, type Markup } from '../html.ts'
import type { ReportData } from '../report-data.ts'

const entry = (name: string, value: Markup | string): Markup =>
  html`<dt>${name}</dt><dd>${value}</dd>`

const source = ({ uri, revision, digest }: SourceDigest): Markup =>
  html`${uri}${revision ? html` at <code>${revision}</code>` : undefined}${
    digest ? html` · sha256 <code>${digest.slice(0, 16)}…</code>` : undefined
  }`

export const provenanceSection = ({ provenance }: ReportData): Markup => {
  const { versions, machine, stages, spec } = provenance
  const data = provenance.data.map(
    (file, index) => html`${index > 0 ? html`<br>` : undefined}${source(file)}`,
  )
  const made = Object.entries(stages).map(
    ([stage, result]) => html`${stage} <code>${result?.digest.slice(0, 12) ?? ''}</code> `,
  )
  return html`<footer><h2>Made from</h2><dl>
${entry('Base model', source(provenance.baseModel))}
${entry('Data', html`${data}`)}
${entry('Spec', html`<code>${provenance.specHash}</code>, seed ${provenance.seeds.training}`)}
${entry('Stages', html`${made}`)}
${entry('Software', `Attune ${versions.trainer}, ONNX Runtime ${versions.onnxruntime}, Node ${versions.node}`)}
${entry('Machine', `${machine.cpu}, ${machine.platform} ${machine.arch}`)}
${entry('Published', provenance.publishedAt)}
</dl><details><summary>The whole spec</summary><pre>${JSON.stringify(spec, null, 2)}</pre></details></footer>`
}
