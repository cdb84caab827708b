/** Where the time of a training step went, as `--profile` shows it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { groupPlaces, PHASES, type Place, type Profile } from '@attune/trainer/profile/profile.ts'
import { PROFILE_FOLDER, PROFILE_JSON, PROFILE_SVG } from '@attune/trainer/profile/write-profile.ts'
import { count, duration, table } from './format.ts'

/** What takes less than this share is not worth a line. */
const LEAST_SHARE = 0.005

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

const operatorTable = ({ places, seconds, betweenSeconds }: Profile): string => {
  const groups = groupPlaces(places, ({ operator }) => operator)
  const rows = groups.filter(group => group.seconds >= LEAST_SHARE * seconds)
  return table([
    ['operator', 'seconds', 'share', 'calls'],
    ...rows.map(group => [
      group.name,
      group.seconds.toFixed(3),
      percent(group.seconds / seconds),
      count(group.calls),
    ]),
    ['(between operators)', betweenSeconds.toFixed(3), percent(betweenSeconds / seconds), ''],
  ])
}

const byLayerNumber = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })

const layerTable = ({ places, seconds }: Profile): string => {
  const layers = [...new Set(places.map(({ layer }) => layer))].sort(byLayerNumber)
  const sum = (some: readonly Place[]) => some.reduce((total, place) => total + place.seconds, 0)
  return table([
    ['layer', ...PHASES, 'share'],
    ...layers.map(layer => {
      const inside = places.filter(place => place.layer === layer)
      const phases = PHASES.map(phase => sum(inside.filter(place => place.phase === phase)))
      return [layer, ...phases.map(part => part.toFixed(3)), percent(sum(inside) / seconds)]
    }),
  ])
}

export const profileText = (profile: Profile): string => {
  const { seconds, profiledMicroBatches, microBatchesPerStep } = profile
  const of = `${duration(seconds)} a step of ${microBatchesPerStep} micro-batches, measured over ${profiledMicroBatches}`
  return `${of}\n\n${operatorTable(profile)}\n\n${layerTable(profile)}\n`
}

const readProfile = async (folder: string): Promise<Profile | undefined> => {
  try {
    return JSON.parse(await readFile(join(folder, PROFILE_JSON), 'utf8')) as Profile
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** @param trained folder of what Train made @returns the tables and where the files lie, or why there are none */
export const profileOfTrained = async (trained: string): Promise<string> => {
  const folder = join(trained, PROFILE_FOLDER)
  const profile = await readProfile(folder)
  if (!profile) return 'no profile: training was done before; --fresh trains anew\n'
  const places = [PROFILE_JSON, PROFILE_SVG].map(name => ['profile', join(folder, name)])
  return `${profileText(profile)}\n${table(places, [0, 1])}\n`
}
