/** Writes each kind's CRD, the chart's copy of it and the field reference, and what else of the chart follows from the kinds. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { chartFiles } from './chart-files.ts'
import { generatedFiles } from './generated-files.ts'
import { KINDS } from './kinds.ts'

const repository = join(import.meta.dirname, '..')

for (const { path, text } of [...KINDS.flatMap(generatedFiles), ...chartFiles()]) {
  const target = join(repository, path)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, text)
}
