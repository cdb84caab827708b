/** The frozen weights as one file beside the graphs, mapped into memory once and shared by all sessions. */
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { endianness } from 'node:os'
import { join } from 'node:path'
import { syncFolder, temporaryFor, writeFileAtomically } from '../atomic-file.ts'
import type { ExternalData } from '../graph/node.ts'
import type { ModelConfig, Weights } from '../model/config.ts'
import { type WeightShape, weightShapes } from '../model/linear-layers.ts'
import { modelMalformed } from '../stage-error.ts'

export type StoredWeight = WeightShape & { readonly external: ExternalData }

/** Raised whenever the same model gives other bytes. */
const FORMAT = 1
const LOCATION = 'weights.bin'
const MARKER = 'weights.json'
/** A page, so that ONNX Runtime can map each tensor by itself. */
const ALIGNMENT = 4096

const layOut = (shapes: readonly WeightShape[]): readonly StoredWeight[] => {
  let next = 0
  return shapes.map(weight => {
    const bytes = 4 * weight.shape.reduce((a, b) => a * b, 1)
    const external = { location: LOCATION, offset: next, bytes }
    next = Math.ceil((next + bytes) / ALIGNMENT) * ALIGNMENT
    return { ...weight, external }
  })
}

const checkShape = (weights: Weights, { name, shape }: WeightShape): void => {
  const found = weights.shape(name)
  if (`${found}` !== `${shape}`)
    throw modelMalformed(
      `tensor ${name} has shape [${found}], but the model's config asks for [${shape}]; config and weights do not belong together`,
    )
}

const write = async (
  path: string,
  weights: Weights,
  stored: readonly StoredWeight[],
): Promise<void> => {
  const file = await open(path, 'w')
  try {
    for (const { name, external } of stored) {
      const data = await weights.read(name)
      if (data.byteLength !== external.bytes)
        throw modelMalformed(`tensor ${name} has ${data.length} values, not ${external.bytes / 4}`)
      let done = 0
      while (done < data.byteLength) {
        const chunk = new Uint8Array(data.buffer, data.byteOffset + done, data.byteLength - done)
        const { bytesWritten } = await file.write(chunk, 0, chunk.length, external.offset + done)
        done += bytesWritten
      }
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

const isThere = async (folder: string, marker: string, bytes: number): Promise<boolean> => {
  try {
    const { size } = await stat(join(folder, LOCATION))
    return size >= bytes && (await readFile(join(folder, MARKER), 'utf8')) === marker
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

export type WeightsFileOptions = {
  readonly folder: string
  readonly config: ModelConfig
  readonly weights: Weights
  /** content address of the weights: a file written for the same one is used again */
  readonly digest?: string
}

/** Streams the weights, one tensor in memory at a time. @returns where each lies */
export const storeWeights = async (
  options: WeightsFileOptions,
): Promise<readonly StoredWeight[]> => {
  const { folder, config, weights, digest } = options
  if (endianness() !== 'LE') throw new Error('ONNX external data is little-endian')
  const shapes = weightShapes(config)
  for (const shape of shapes) checkShape(weights, shape)
  const stored = layOut(shapes)
  const last = stored.at(-1)!.external
  const marker = `${JSON.stringify({ format: FORMAT, digest, stored })}\n`
  if (digest !== undefined && (await isThere(folder, marker, last.offset + last.bytes)))
    return stored

  const temporary = temporaryFor(join(folder, LOCATION))
  try {
    await rm(join(folder, MARKER), { force: true })
    // the marker of another model must be gone before its weights are
    await syncFolder(folder)
    await write(temporary, weights, stored)
    await rename(temporary, join(folder, LOCATION))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(folder)
  await writeFileAtomically(join(folder, MARKER), marker)
  return stored
}
