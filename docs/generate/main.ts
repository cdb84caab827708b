/** Writes the pages that follow from definitions in the code. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { METRICS_PAGE, metricsPage } from './metrics-page.ts'
import { TROUBLESHOOTING_PAGE, troubleshootingPage } from './troubleshooting-page.ts'

const PAGES = { [METRICS_PAGE]: metricsPage, [TROUBLESHOOTING_PAGE]: troubleshootingPage }
for (const [path, page] of Object.entries(PAGES))
  writeFileSync(join(import.meta.dirname, '../..', path), page())
