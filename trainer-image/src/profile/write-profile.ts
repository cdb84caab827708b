/** Sums up what ONNX Runtime measured and writes it as numbers and as a picture. */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomically } from '../atomic-file.ts'
import { flameSvg } from './flame-svg.ts'
import { readRuns } from './kernel-times.ts'
import { type Measured, profileOf, type StepGraph } from './profile.ts'

export const PROFILE_FOLDER = 'profile'
export const PROFILE_JSON = 'profile.json'
export const PROFILE_SVG = 'profile.svg'

const runsOf = async (folder: string, files: readonly string[]) => {
  const runs = []
  for (const file of files) runs.push(...(await readRuns(join(folder, file))))
  return runs
}

/**
 * @param raw what `SessionProfiler` left there; removed
 * @returns false where no step was made, so that there is nothing to tell
 */
export const writeProfile = async (
  folder: string,
  raw: string,
  timesPerStep: Measured['timesPerStep'],
): Promise<boolean> => {
  const files = (await readdir(raw)).filter(name => name.endsWith('.json')).sort()
  const of = (graph: StepGraph) =>
    runsOf(
      raw,
      files.filter(name => name.startsWith(graph)),
    )
  const runs = { train: await of('train'), norm: await of('norm'), update: await of('update') }
  await rm(raw, { recursive: true, force: true })
  if (runs.train.length === 0) return false
  const profile = profileOf({ runs, timesPerStep })
  await mkdir(folder, { recursive: true })
  await writeFileAtomically(join(folder, PROFILE_JSON), `${JSON.stringify(profile, null, 2)}\n`)
  await writeFileAtomically(join(folder, PROFILE_SVG), flameSvg(profile))
  return true
}
