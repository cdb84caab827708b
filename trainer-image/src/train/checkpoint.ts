/** Checkpoints: a folder per step that is there whole or not at all, checked by digest when read. */
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder, temporaryFor, writeFileAtomically } from '../atomic-file.ts'
import type { AdapterTensors } from '../model/adapter.ts'
import type { LossScale } from '../precision/loss-scale.ts'
import { STATE_PARTS, type StatePart, type StateRoom } from '../session/flat-state.ts'
import type { EngineState } from '../session/training-engine.ts'
import { sha256File } from '../source/file-digest.ts'
import { type PlaceOf, readSafetensors } from '../weights/read-safetensors.ts'
import { type TensorToWrite, writeSafetensors } from '../weights/write-safetensors.ts'
import type { Standing } from './best.ts'
import type { LossHistory } from './divergence.ts'

const FORMAT = 1

/** What a resume needs beside the tensors; data order, noise and learning rate follow from the step. */
export type Counters = Standing & {
  /** optimizer steps done */
  readonly step: number
  /** tokens trained on so far, padding excluded */
  readonly tokens: number
  /** seconds spent in steps so far */
  readonly seconds: number
  readonly lastLoss: number
  /** of the newest validation */
  readonly validationLoss?: number
  readonly validationTokenAccuracy?: number
  readonly validatedStep?: number
  /** what a loss that runs away is told by */
  readonly history?: LossHistory
  /** of the next step, where the loss is scaled */
  readonly lossScale?: LossScale
}
export type Checkpoint = { readonly counters: Counters; readonly state: EngineState }

type Manifest = { readonly format: number; readonly counters: Counters; readonly sha256: string }

const folderName = (step: number) => `step-${String(step).padStart(8, '0')}`
const STEP_FOLDER = /^step-(\d{8})$/

const flatten = (state: EngineState): readonly TensorToWrite[] =>
  STATE_PARTS.flatMap(part =>
    [...state[part]].map(([name, { shape, data }]) => ({
      name: `${part}/${name}`,
      shape,
      read: () => data,
    })),
  )

const unflatten = (tensors: AdapterTensors): EngineState => {
  const part = (name: StatePart): AdapterTensors =>
    new Map(
      [...tensors].flatMap(([key, tensor]) =>
        key.startsWith(`${name}/`) ? [[key.slice(name.length + 1), tensor] as const] : [],
      ),
    )
  return {
    parameters: part('parameters'),
    firstMoments: part('firstMoments'),
    secondMoments: part('secondMoments'),
  }
}

/** @returns steps of the checkpoints there, newest first */
const stepsIn = async (folder: string): Promise<readonly number[]> => {
  const names = await readdir(folder).catch(() => [])
  return names
    .flatMap(name => (STEP_FOLDER.test(name) ? [Number(name.slice(5))] : []))
    .sort((a, b) => b - a)
}

/** @returns 0 where there is none */
export const newestStep = async (folder: string): Promise<number> => (await stepsIn(folder))[0] ?? 0

/** @returns bytes of its tensors */
const write = async (folder: string, { counters, state }: Checkpoint): Promise<number> => {
  await mkdir(folder, { recursive: true })
  const tensors = join(folder, 'state.safetensors')
  await writeSafetensors(tensors, flatten(state))
  const manifest: Manifest = { format: FORMAT, counters, sha256: await sha256File(tensors) }
  await writeFileAtomically(join(folder, 'checkpoint.json'), `${JSON.stringify(manifest)}\n`)
  return (await stat(tensors)).size
}

/** A pod that was given up may still write the same step: it can come between removing and renaming. */
const REPLACE_TRIES = 5

const replaceFolder = async (temporary: string, target: string): Promise<void> => {
  for (let tries = 1; ; tries += 1) {
    await rm(target, { recursive: true, force: true })
    try {
      return await rename(temporary, target)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (tries === REPLACE_TRIES || (code !== 'ENOTEMPTY' && code !== 'EEXIST')) throw error
    }
  }
}

/**
 * Writes, flushes and renames, then removes all but this one and the newest of the others, `keep` in all.
 * @returns bytes of its tensors
 */
export const saveCheckpoint = async (
  folder: string,
  checkpoint: Checkpoint,
  keep: number,
): Promise<number> => {
  const target = join(folder, folderName(checkpoint.counters.step))
  const temporary = temporaryFor(target)
  let bytes: number
  try {
    bytes = await write(temporary, checkpoint)
    await replaceFolder(temporary, target)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    throw error
  }
  await syncFolder(folder)
  const others = (await stepsIn(folder)).filter(step => step !== checkpoint.counters.step)
  for (const step of others.slice(keep - 1))
    await rm(join(folder, folderName(step)), { recursive: true, force: true })
  return bytes
}

const isDamage = (error: unknown): boolean => {
  // no memory for it
  if (error instanceof RangeError) return false
  const { code, syscall } = error as NodeJS.ErrnoException
  return syscall === undefined || code === 'ENOENT'
}

const readManifest = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, 'checkpoint.json'), 'utf8')) as Manifest

/** @returns what `read` makes of a checkpoint whose tensors are those that were written, or undefined */
const ifWhole = async <T>(
  folder: string,
  read: (manifest: Manifest, tensors: string) => T | Promise<T>,
): Promise<T | undefined> => {
  try {
    const manifest = await readManifest(folder)
    const tensors = join(folder, 'state.safetensors')
    if (manifest.format !== FORMAT || manifest.sha256 !== (await sha256File(tensors)))
      return undefined
    return await read(manifest, tensors)
  } catch (error) {
    // a disk that does not answer says nothing about the bytes on it
    if (!isDamage(error)) throw error
    return undefined
  }
}

type StatePlace = StateRoom['place']

const placeIn =
  (place: StatePlace | undefined): PlaceOf =>
  (key, values) => {
    const part = STATE_PARTS.find(each => key.startsWith(`${each}/`))
    return part && place?.(part, key.slice(part.length + 1), values)
  }

/** @returns undefined where it is not there, or damaged */
export const loadStep = (
  folder: string,
  step: number,
  place?: StatePlace,
): Promise<Checkpoint | undefined> =>
  ifWhole(join(folder, folderName(step)), async ({ counters }, tensors) => ({
    counters,
    state: unflatten(await readSafetensors(tensors, placeIn(place))),
  }))

export const isWhole = async (folder: string, step: number): Promise<boolean> =>
  (await ifWhole(join(folder, folderName(step)), () => true)) ?? false

/**
 * @param isUsable whether what else its counters name is there
 * @param place where the state's values go; memory of their own if absent
 * @returns the newest checkpoint that reads back whole; others are removed, or they would be kept for it
 */
export const loadCheckpoint = async (
  folder: string,
  isUsable: (counters: Counters) => Promise<boolean> = async () => true,
  place?: StatePlace,
): Promise<Checkpoint | undefined> => {
  for (const step of await stepsIn(folder)) {
    const found = await loadStep(folder, step, place)
    if (found && (await isUsable(found.counters))) return found
    await rm(join(folder, folderName(step)), { recursive: true, force: true })
  }
  return undefined
}

/** @returns of the checkpoints there, as far as they can be read */
export const countersIn = async (folder: string): Promise<readonly Counters[]> => {
  const all: Counters[] = []
  for (const step of await stepsIn(folder)) {
    const manifest = await readManifest(join(folder, folderName(step))).catch(() => undefined)
    if (manifest?.counters) all.push(manifest.counters)
  }
  return all
}

export const removeAllBut = async (folder: string, kept: ReadonlySet<number>): Promise<void> => {
  for (const step of await stepsIn(folder))
    if (!kept.has(step)) await rm(join(folder, folderName(step)), { recursive: true, force: true })
}
