/** Writes each kind's CRD, the chart's copy of it and the field reference. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generatedFiles } from './generated-files.ts'
import { KINDS } from './kinds.ts'

const repository = join(import.meta.dirname, '..')

for (const { path, text } of KINDS.flatMap(generatedFiles)) {
  const target = join(repository, path)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, text)
}
