/** A model folder's weights under their Hugging Face names, whatever file they come from. */
import type { Weights } from '../model/config.ts'
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import { type BoundedFile, openBoundedFile } from './bounded-file.ts'
import { BLOCKS, dequantize, ELEMENT_TYPES, isElementType } from './dequantize.ts'
import {
  type GgufArchitecture,
  ggufArchitecture,
  LONG_ROPE_FACTORS,
  ROPE_FACTORS,
  SHORT_ROPE_FACTORS,
} from './gguf-architecture.ts'
import { type GgufHeader, readGgufHeader } from './gguf-header.ts'
import { huggingFaceName, unpermuteRows } from './gguf-names.ts'
import { findModelFiles, type ModelFiles } from './model-files.ts'
import { release } from './room.ts'
import { readSafetensorsHeader } from './safetensors-header.ts'

/** Where a tensor's bytes are and what to do once they are decoded. */
type StoredTensor = {
  readonly file: BoundedFile
  readonly type: string
  readonly shape: readonly number[]
  readonly offset: number
  readonly byteLength: number
  readonly finish?: (data: Float32Array) => void
}

/** Reads the headers only; each `read` then decodes one tensor in pieces, so that no tensor is held twice. */
export const openWeights = async (modelFolder: string): Promise<Weights> => {
  const files = await findModelFiles(modelFolder)
  const opened: BoundedFile[] = []
  const close = async () => {
    await Promise.all(opened.map(file => file.close()))
  }
  try {
    const tensors =
      files.format === 'gguf'
        ? await openGguf(files.path, opened)
        : await openSafetensors(files, opened)
    return weightsOf(tensors, close)
  } catch (error) {
    await close()
    throw error
  }
}

const weightsOf = (
  tensors: ReadonlyMap<string, StoredTensor>,
  close: () => Promise<void>,
): Weights => {
  const find = (name: string) => {
    const tensor = tensors.get(name)
    if (!tensor) throw modelMalformed(`the model has no tensor "${name}"; fetch or export it again`)
    return tensor
  }
  return {
    names: [...tensors.keys()].sort(),
    shape: name => find(name).shape,
    read: async (name, room) => readTensor(name, find(name), room),
    close,
  }
}

/** read at a time, rounded down to whole blocks */
const PIECE_BYTES = 4 * 1024 * 1024

const readTensor = async (
  name: string,
  tensor: StoredTensor,
  room: Float32Array | undefined,
): Promise<Float32Array> => {
  const { file, type, offset, byteLength } = tensor
  if (!isElementType(type))
    throw modelUnsupported(
      `tensor "${name}" in ${file.name} is ${type}; ${ELEMENT_TYPES.join(', ')} are supported`,
    )
  const block = BLOCKS[type]
  const count = (byteLength / block.bytes) * block.values
  const data = room && room.length >= count ? room.subarray(0, count) : new Float32Array(count)
  // float32 is read where it stays; the file is read in pieces either way, as one read is limited to 2 GiB
  const whole =
    type === 'F32' ? new Uint8Array(data.buffer, data.byteOffset, byteLength) : undefined
  const pieceBytes = Math.floor(PIECE_BYTES / block.bytes) * block.bytes
  const piece = new Uint8Array(whole ? 0 : Math.min(pieceBytes, byteLength))
  for (let at = 0; at < byteLength; at += pieceBytes) {
    const length = Math.min(pieceBytes, byteLength - at)
    const bytes = whole ? whole.subarray(at, at + length) : piece.subarray(0, length)
    await file.readInto(bytes, offset + at)
    if (!whole) dequantize(type, bytes, data, (at / block.bytes) * block.values)
  }
  release(piece)
  tensor.finish?.(data)
  return data
}

const openSafetensors = async (
  files: Extract<ModelFiles, { format: 'safetensors' }>,
  opened: BoundedFile[],
): Promise<ReadonlyMap<string, StoredTensor>> => {
  const tensors = new Map<string, StoredTensor>()
  for (const path of files.paths) {
    const file = await openBoundedFile(path)
    opened.push(file)
    const { entries } = await readSafetensorsHeader(file)
    for (const { name, dtype, shape, offset, byteLength } of entries.values()) {
      if (files.weightMap && files.weightMap.get(name) !== file.name) continue
      tensors.set(name, { file, type: dtype, shape, offset, byteLength })
    }
  }
  for (const [name, fileName] of files.weightMap ?? [])
    if (!tensors.has(name))
      throw modelMalformed(
        `model.safetensors.index.json places tensor "${name}" in ${fileName}, which does not have it`,
      )
  return tensors
}

const openGguf = async (
  path: string,
  opened: BoundedFile[],
): Promise<ReadonlyMap<string, StoredTensor>> => {
  const header = readGgufHeader(path)
  const architecture = ggufArchitecture(header)
  const file = await openBoundedFile(path)
  opened.push(file)
  const headDim = headDimOf(header, architecture)
  const tensors = new Map<string, StoredTensor>()
  for (const { name, type, shape, offset, byteLength } of header.tensors.values()) {
    if (FACTORS.includes(name)) continue
    const stored = { file, type, shape, offset, byteLength }
    const finish = finisherOf(name, shape, architecture, headDim)
    tensors.set(huggingFaceName(name, architecture), finish ? { ...stored, finish } : stored)
  }
  return tensors
}

const FACTORS: readonly string[] = [ROPE_FACTORS, SHORT_ROPE_FACTORS, LONG_ROPE_FACTORS]

const headDimOf = ({ metadata }: GgufHeader, { name }: GgufArchitecture): number => {
  const heads = metadata.get(`${name}.attention.head_count`)
  const keyLength = metadata.get(`${name}.attention.key_length`)
  const count = Array.isArray(heads) ? heads[0] : heads
  return Number(keyLength ?? Number(metadata.get(`${name}.embedding_length`)) / Number(count))
}

/** @returns what makes of the stored values those that Hugging Face stores */
const finisherOf = (
  name: string,
  shape: readonly number[],
  { interleaved, normsPlusOne }: GgufArchitecture,
  headDim: number,
) => {
  if (interleaved && /^blk\.\d+\.attn_[qk]\.(weight|bias)$/.test(name))
    return unpermute(name, shape, headDim)
  return normsPlusOne && name.endsWith('norm.weight') ? minusOne : undefined
}

const minusOne = (data: Float32Array) => {
  for (let i = 0; i < data.length; i++) data[i]! -= 1
}

const unpermute = (name: string, shape: readonly number[], headDim: number) => {
  const [rows = 0, columns = 1] = shape
  if (!Number.isInteger(headDim) || headDim < 2 || headDim % 2 !== 0 || rows % headDim !== 0)
    throw modelMalformed(
      `tensor "${name}" has ${rows} rows, not a multiple of the head size ${headDim} that the metadata gives`,
    )
  return (data: Float32Array) => unpermuteRows(data, columns, headDim)
}
