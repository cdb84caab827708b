/** The frozen weights as one file beside the graphs, mapped into memory once and shared by all sessions. */
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { endianness } from 'node:os'
import { join } from 'node:path'
import { syncFolder, temporaryFor, writeFileAtomically } from '../atomic-file.ts'
import type { ExternalData } from '../graph/node.ts'
import type { ModelConfig, Weights } from '../model/config.ts'
import {
  EMBEDDING_WEIGHT,
  linearLayers,
  type WeightShape,
  weightShapes,
} from '../model/linear-layers.ts'
import { quantizedNames } from '../model/quantization.ts'
import type { HalfType } from '../precision/half-type.ts'
import { modelMalformed } from '../stage-error.ts'
import { encode } from '../weights/encode.ts'
import { packCodes, type Quantization, quantizeBlocks } from '../weights/quantize-blocks.ts'
import { inOneRoom } from '../weights/room.ts'

/** Where the parts of a weight lie that is kept in few bits; its codes are the weight's own data. */
export type StoredBlocks = Quantization & {
  readonly scales: ExternalData
  /** at 8 bits a byte each, at 4 bits float32 */
  readonly zeros: ExternalData
  /** at 4 bits what code 0 stands for, float32 */
  readonly shifts?: ExternalData
}

export type StoredWeight = WeightShape & {
  /** float32, halves of `half`, or the codes of `blocks` */
  readonly external: ExternalData
  readonly half?: HalfType
  readonly blocks?: StoredBlocks
}

/** Raised whenever the same model gives other bytes. */
const FORMAT = 2
const LOCATION = 'weights.bin'
const MARKER = 'weights.json'
/** A page, so that ONNX Runtime can map each tensor by itself. */
const ALIGNMENT = 4096

/** @returns a function that gives each tensor its place, one behind the other */
const placing = () => {
  let next = 0
  return (bytes: number): ExternalData => {
    const external = { location: LOCATION, offset: next, bytes }
    next = Math.ceil((next + bytes) / ALIGNMENT) * ALIGNMENT
    return external
  }
}

const layOutBlocks = (
  weight: WeightShape,
  { bits, blockSize }: Quantization,
  place: (bytes: number) => ExternalData,
): StoredWeight => {
  const [rows, columns] = weight.shape as [number, number]
  const blocks = columns / blockSize
  const external = place((rows * columns * bits) / 8)
  const scales = place(4 * rows * blocks)
  const zeros = place((bits === 4 ? 4 : 1) * rows * blocks)
  const shifts = bits === 4 ? { shifts: place(4 * rows * blocks) } : {}
  return { ...weight, external, blocks: { bits, blockSize, scales, zeros, ...shifts } }
}

/** @returns where each weight will lie; of those that are not in few bits the linear layers' are halves if `half` is given */
export const layOut = (
  config: ModelConfig,
  quantization: Quantization | undefined,
  half?: HalfType,
): readonly StoredWeight[] => {
  const place = placing()
  const few = quantization ? quantizedNames(config, quantization) : undefined
  const linear = new Set(linearLayers(config).map(({ path }) => `${path}.weight`))
  return weightShapes(config).map(weight => {
    if (quantization && few?.has(weight.name)) return layOutBlocks(weight, quantization, place)
    const values = weight.shape.reduce((a, b) => a * b, 1)
    return half && linear.has(weight.name)
      ? { ...weight, external: place(2 * values), half }
      : { ...weight, external: place(4 * values) }
  })
}

/** @returns those that a step reads whole: of an embedding table that is not the output head too it reads the rows that a batch names */
export const readWhole = (
  stored: readonly StoredWeight[],
  { tieWordEmbeddings }: Pick<ModelConfig, 'tieWordEmbeddings'>,
): readonly StoredWeight[] =>
  stored.filter(({ name }) => tieWordEmbeddings || name !== EMBEDDING_WEIGHT)

/** @returns the end of what is stored */
export const endOf = (stored: readonly StoredWeight[]): number =>
  Math.max(...stored.flatMap(partsOf).map(({ offset, bytes }) => offset + bytes))

const partsOf = ({ external, blocks }: StoredWeight): readonly ExternalData[] => {
  if (!blocks) return [external]
  const { scales, zeros, shifts } = blocks
  return [external, scales, zeros, ...(shifts ? [shifts] : [])]
}

/** @returns bytes that the frozen weights take, in the file and mapped into memory */
export const storedBytes = (stored: readonly StoredWeight[]): number =>
  stored.flatMap(weight => [...new Set(partsOf(weight))]).reduce((sum, part) => sum + part.bytes, 0)

const checkShape = (weights: Weights, { name, shape }: WeightShape): void => {
  const found = weights.shape(name)
  if (`${found}` !== `${shape}`)
    throw modelMalformed(
      `tensor ${name} has shape [${found}], but the model's config asks for [${shape}]; config and weights do not belong together`,
    )
}

const ENCODINGS = { float16: 'F16', bfloat16: 'BF16' } as const

type Piece = { readonly data: ArrayBufferView; readonly at: ExternalData }

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

const piecesOf = (
  data: Float32Array,
  { external, half, blocks }: StoredWeight,
): readonly Piece[] => {
  if (half) return [{ data: encode(ENCODINGS[half], data), at: external }]
  if (!blocks) return [{ data, at: external }]
  const { codes, scales, zeros, shifts } = quantizeBlocks(data, blocks)
  return [
    { data: packCodes(codes, blocks.bits), at: external },
    { data: scales, at: blocks.scales },
    { data: zeros, at: blocks.zeros },
    ...(shifts && blocks.shifts ? [{ data: shifts, at: blocks.shifts }] : []),
  ]
}

const write = async (
  path: string,
  weights: Weights,
  stored: readonly StoredWeight[],
): Promise<void> => {
  const file = await open(path, 'w')
  try {
    for (const weight of stored) {
      const { name, shape } = weight
      const data = await weights.read(name)
      const values = shape.reduce((a, b) => a * b, 1)
      if (data.length !== values)
        throw modelMalformed(`tensor ${name} has ${data.length} values, not ${values}`)
      for (const piece of piecesOf(data, weight)) await writeAt(file, piece)
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

const writeAt = async (file: FileHandle, { data, at }: Piece): Promise<void> => {
  const bytes = bytesOf(data)
  if (bytes.length !== at.bytes) throw new TypeError(`${bytes.length} bytes for ${at.bytes}`)
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at.offset + done)
    done += bytesWritten
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
  /** keeps the linear layers in few bits */
  readonly quantization?: Quantization
  /** keeps what is not in few bits of them as halves */
  readonly half?: HalfType
}

/** Streams the weights, one tensor in memory at a time. @returns where each lies */
export const storeWeights = async (
  options: WeightsFileOptions,
): Promise<readonly StoredWeight[]> => {
  const { folder, config, weights, digest, quantization, half } = options
  if (endianness() !== 'LE') throw new Error('ONNX external data is little-endian')
  const stored = layOut(config, quantization, half)
  for (const weight of stored) checkShape(weights, weight)
  const marker = `${JSON.stringify({ format: FORMAT, digest, stored })}\n`
  if (digest !== undefined && (await isThere(folder, marker, endOf(stored)))) return stored

  const temporary = temporaryFor(join(folder, LOCATION))
  try {
    await rm(join(folder, MARKER), { force: true })
    // the marker of another model must be gone before its weights are
    await syncFolder(folder)
    await inOneRoom(weights, stored, room => write(temporary, room, stored))
    await rename(temporary, join(folder, LOCATION))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(folder)
  await writeFileAtomically(join(folder, MARKER), marker)
  return stored
}
