/** The parts of the test suite and what each needs of the machine. */
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { missingPrograms } from '../cluster/binaries.ts'
import {
  controlPlaneRequirements,
  missingPackages,
  reasonsAgainstNode,
} from '../cluster/node/requirements.ts'
import { repositoryFolder } from '../cluster/paths.ts'

export const partNames = ['unit', 'control-plane', 'cluster'] as const

export type PartName = (typeof partNames)[number]

export const isPartName = (name: string): name is PartName =>
  (partNames as readonly string[]).includes(name)

type Part = {
  readonly folders: readonly string[]
  /** Test files at once; a machine carries one node. */
  readonly jobs: number
  readonly timeoutSeconds: number
}

export const parts: { readonly [K in PartName]: Part } = {
  unit: { folders: ['test/unit', 'test/parity'], jobs: 2, timeoutSeconds: 600 },
  'control-plane': { folders: ['test/control-plane'], jobs: 2, timeoutSeconds: 600 },
  cluster: { folders: ['test/cluster'], jobs: 1, timeoutSeconds: 2400 },
}

export const filesOf = (part: PartName): string[] =>
  parts[part].folders
    .flatMap(folder => globSync(join(folder, '**', '*.test.ts'), { cwd: repositoryFolder }))
    .sort()

const needsOf = (part: PartName): string[] => {
  if (part === 'unit') return []
  if (part === 'cluster') return reasonsAgainstNode()
  const missing = missingPackages(controlPlaneRequirements)
  return missing.length === 0
    ? []
    : [`Debian packages are missing: apt-get install -y ${missing.join(' ')}`]
}

/** Every reason why one of the parts cannot run on this machine. */
export const unmetNeeds = (names: readonly PartName[]): string[] => {
  const needs = names.flatMap(needsOf)
  if (names.some(name => name !== 'unit')) needs.push(...missingPrograms())
  return [...new Set(needs)]
}
