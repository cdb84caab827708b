import { globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import t from 'tap'

const ROOT = join(import.meta.dirname, '../..')
const read = (...path: readonly string[]) => readFileSync(join(ROOT, ...path), 'utf8')

type Manifest = { workspaces?: string[]; dependencies?: Record<string, string> }
const manifestIn = (folder: string) => JSON.parse(read(folder, 'package.json')) as Manifest

const IMPORT = /\b(?:from|import|resolve)\s*\(?\s*'(@?\w[\w./-]*)'/g

/** `@scope/name/file.ts` → `@scope/name` */
const packageOf = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

const importedIn = (folder: string): readonly string[] => {
  const files = globSync('**/*.ts', { cwd: join(ROOT, folder), exclude: ['node_modules/**'] })
  const specifiers = files.flatMap(file =>
    [...read(folder, file).matchAll(IMPORT)].map(([, specifier = '']) => specifier),
  )
  return [...new Set(specifiers.filter(name => !isBuiltin(name)).map(packageOf))].sort()
}

for (const folder of manifestIn('.').workspaces ?? [])
  t.test(`${folder} imports what it depends on, and depends on what it imports`, async t => {
    t.strictSame(importedIn(folder), Object.keys(manifestIn(folder).dependencies ?? {}).sort())
  })
