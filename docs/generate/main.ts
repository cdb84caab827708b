/** Writes the pages that follow from definitions in the code. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { METRICS_PAGE, metricsPage } from './metrics-page.ts'

writeFileSync(join(import.meta.dirname, '../..', METRICS_PAGE), metricsPage())
