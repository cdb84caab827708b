/** The tuned model as one GGUF file, with the metadata that llama.cpp's converter writes. */
import { join } from 'node:path'
import { modelUnsupported } from '../../stage-error.ts'
import { type EncodedType, isWholeBlocks } from '../../weights/encode.ts'
import type { GgufArchitecture } from '../../weights/gguf-architecture.ts'
import { type GgufHeader, readGgufHeader } from '../../weights/gguf-header.ts'
import { ggufName, permuteRows } from '../../weights/gguf-names.ts'
import { findModelFiles } from '../../weights/model-files.ts'
import { type FolderWriter, type PublishedModel, publishedNames } from '../published-model.ts'
import {
  type GgufEntry,
  type GgufMetadata,
  type GgufTensorToWrite,
  writeGguf,
} from './gguf-file.ts'
import { ggufProblem } from './gguf-problem.ts'
import { tokenizerMetadata } from './gguf-tokenizer.ts'
import { ropeTensors } from './rope-factors.ts'
import { shapeMetadata } from './shape-metadata.ts'
import { writtenArchitecture } from './written-architecture.ts'

export type GgufType = 'F16' | 'Q8_0'

/** What the file says about itself. */
export type GgufAbout = {
  readonly name: string
  readonly license?: string
  readonly baseModel?: { readonly name: string; readonly url: string }
}

/** ggml's llama.h, enum llama_ftype; version of the block formats */
const FILE_TYPE: Readonly<Record<GgufType, number>> = { F16: 1, Q8_0: 7 }
const QUANTIZATION_VERSION = 2

const string = (value: string): GgufEntry => ({ type: 'string', value })
const uint32 = (value: number): GgufEntry => ({ type: 'uint32', value })

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)

/** 135M, 1.2B: two digits at least, as the names of models have it. */
export const sizeLabel = (parameters: number): string => {
  const [unit, letter] = (
    [
      [1e12, 'T'],
      [1e9, 'B'],
      [1e6, 'M'],
    ] as const
  ).find(([size]) => parameters >= size) ?? [1e3, 'K']
  const scaled = parameters / unit
  return `${scaled < 10 ? scaled.toFixed(1) : Math.round(scaled)}${letter}`
}

const general = (
  type: GgufType,
  about: GgufAbout,
  { name }: GgufArchitecture,
  parameters: number,
): GgufMetadata =>
  new Map<string, GgufEntry>([
    ['general.architecture', string(name)],
    ['general.type', string('model')],
    ['general.name', string(about.name)],
    ['general.size_label', string(sizeLabel(parameters))],
    ...(about.license ? [['general.license', string(about.license)] as const] : []),
    ...(about.baseModel
      ? ([
          ['general.base_model.count', uint32(1)],
          ['general.base_model.0.name', string(about.baseModel.name)],
          ['general.base_model.0.repo_url', string(about.baseModel.url)],
        ] as const)
      : []),
    ['general.file_type', uint32(FILE_TYPE[type])],
    ['general.quantization_version', uint32(QUANTIZATION_VERSION)],
  ])

/** Vectors stay in float32; a row that is not whole blocks stays in halves. */
const storedAs = (type: GgufType, shape: readonly number[]): EncodedType => {
  if (shape.length < 2) return 'F32'
  return isWholeBlocks(type, shape.at(-1)!) ? type : 'F16'
}

const ROTATED = /\.self_attn\.[qk]_proj\.(?:weight|bias)$/
const NORM = /norm\.weight$/

const addOne = (data: Float32Array) => {
  for (let i = 0; i < data.length; i++) data[i]! += 1
}

const tensorsOf = (
  model: PublishedModel,
  type: GgufType,
  architecture: GgufArchitecture,
): readonly GgufTensorToWrite[] => {
  const { config, weights } = model
  const factors = [...ropeTensors(config)].map(
    ([name, data]): GgufTensorToWrite => ({
      name,
      shape: [data.length],
      type: 'F32',
      read: async () => data,
    }),
  )
  return [
    ...factors,
    ...publishedNames(model).map((name): GgufTensorToWrite => {
      const shape = weights.shape(name)
      const read = async () => {
        const data = await weights.read(name)
        if (architecture.interleaved && ROTATED.test(name))
          permuteRows(data, shape[1] ?? 1, config.headDim)
        if (architecture.normsPlusOne && NORM.test(name)) addOne(data)
        return data
      }
      return { name: ggufName(name, architecture), shape, type: storedAs(type, shape), read }
    }),
  ]
}

const baseHeader = async (modelFolder: string): Promise<GgufHeader | undefined> => {
  const files = await findModelFiles(modelFolder)
  return files.format === 'gguf' ? readGgufHeader(files.path) : undefined
}

export const ggufModel = async (
  model: PublishedModel,
  type: GgufType,
  about: GgufAbout,
): Promise<FolderWriter> => {
  const file = `model-${type.toLowerCase()}.gguf`
  const problem = ggufProblem(model.config)
  if (problem !== undefined) throw modelUnsupported(`GGUF: ${problem}`)
  const architecture = writtenArchitecture(model.config)
  const tensors = tensorsOf(model, type, architecture)
  const parameters = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  const metadata = new Map([
    ...general(type, about, architecture, parameters),
    ...shapeMetadata(model.config, architecture.name),
    ...tokenizerMetadata(model, await baseHeader(model.modelFolder)),
  ])
  return {
    files: [file],
    storedAs: type,
    write: folder => writeGguf(join(folder, file), metadata, tensors),
  }
}
