/** `report.html`: one page that needs nothing but itself, and no script. */
import { html, trusted } from './html.ts'
import type { ReportData } from './report-data.ts'
import { comparisonSection, gatesSection } from './sections/comparison.ts'
import { dataSection } from './sections/data.ts'
import { examplesSection } from './sections/examples.ts'
import { learningSection } from './sections/learning.ts'
import { provenanceSection } from './sections/provenance.ts'
import { summarySection } from './sections/summary.ts'
import { STYLES } from './styles.ts'

/** Even if a text from the data slipped through, nothing would run and nothing would be fetched. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'"

export const renderReport = (data: ReportData): string => {
  const { name, run } = data.provenance.job
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name}, run ${run}</title>
<style>${trusted(STYLES)}</style>
</head>
<body>
<main>
${summarySection(data)}
${comparisonSection(data)}
${gatesSection(data)}
${learningSection(data)}
${dataSection(data)}
${examplesSection(data)}
${provenanceSection(data)}
</main>
</body>
</html>
`.markup
}
