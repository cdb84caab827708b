/** What Train leaves: an adapter in PEFT's form, or all weights. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTemporaries } from '../atomic-file.ts'
import { type AdapterTensors, isFull, type TuningMethod } from '../model/adapter.ts'
import type { Weights } from '../model/config.ts'
import { type Trained, tunedWeights } from '../model/tuned-weights.ts'
import { openWeights } from '../weights/open-weights.ts'
import { writeSafetensors } from '../weights/write-safetensors.ts'
import {
  ADAPTER_CONFIG,
  ADAPTER_WEIGHTS,
  type AdapterDescription,
  readAdapter,
  writeAdapter,
} from './peft-adapter.ts'

const ADAPTER_FOLDER = 'adapter'
const MODEL_FOLDER = 'model'
const MODEL_WEIGHTS = 'model.safetensors'

/** Over the bytes of all, one behind the other. */
const digestOf = async (paths: readonly string[]): Promise<string> => {
  const hash = createHash('sha256')
  for (const path of paths) for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

/** @returns the folder, there and without what an earlier attempt left half written */
const openFolder = async (path: string): Promise<string> => {
  await mkdir(path, { recursive: true })
  await removeTemporaries(path)
  return path
}

/** @returns digest of what was written */
export const writeTrained = async (
  trainFolder: string,
  method: TuningMethod,
  tensors: AdapterTensors,
  base: Omit<AdapterDescription, 'config'>,
): Promise<string> => {
  if (!isFull(method)) {
    const folder = await openFolder(join(trainFolder, ADAPTER_FOLDER))
    await writeAdapter(folder, tensors, { config: method, ...base })
    return digestOf([ADAPTER_WEIGHTS, ADAPTER_CONFIG].map(name => join(folder, name)))
  }
  const folder = await openFolder(join(trainFolder, MODEL_FOLDER))
  const path = join(folder, MODEL_WEIGHTS)
  const toWrite = [...tensors].map(([name, { shape, data }]) => ({ name, shape, read: () => data }))
  await writeSafetensors(path, toWrite)
  return digestOf([path])
}

export type OpenTrained = Trained & { close(): Promise<void> }

export const openTrained = async (trainFolder: string): Promise<OpenTrained> => {
  const full = join(trainFolder, MODEL_FOLDER)
  const isWhole = await access(join(full, MODEL_WEIGHTS)).then(
    () => true,
    () => false,
  )
  if (isWhole) {
    const weights = await openWeights(full)
    return { type: 'Full', weights, close: () => weights.close() }
  }
  const { config, tensors } = await readAdapter(join(trainFolder, ADAPTER_FOLDER))
  return { type: 'Adapter', config, tensors, close: async () => {} }
}

/** @returns the tuned model's weights; closing them closes the base too */
export const openTuned = async (base: Weights, trainFolder: string): Promise<Weights> => {
  const trained = await openTrained(trainFolder)
  const tuned = tunedWeights(base, trained)
  return {
    ...tuned,
    close: async () => {
      await trained.close()
      await tuned.close()
    },
  }
}
