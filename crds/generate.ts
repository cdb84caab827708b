/** Writes the CRD, the chart's copy of it and the field reference. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generatedFiles } from './generated-files.ts'
import { INSTRUCTION_TUNING_JOB } from './instruction-tuning-job.ts'

const repository = join(import.meta.dirname, '..')

for (const { path, text } of generatedFiles(INSTRUCTION_TUNING_JOB)) {
  const target = join(repository, path)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, text)
}
