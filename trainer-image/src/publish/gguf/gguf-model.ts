/** The tuned model as one GGUF file, with the metadata that llama.cpp's converter writes. */
import { join } from 'node:path'
import { ropeFrequencyFactors } from './rope-factors.ts'
import type { ModelConfig } from '../../model/config.ts'
import { modelUnsupported } from '../../stage-error.ts'
import { type EncodedType, isWholeBlocks } from '../../weights/encode.ts'
import { architectureNamed, type GgufArchitecture } from '../../weights/gguf-architecture.ts'
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
import { tokenizerMetadata } from './gguf-tokenizer.ts'

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

/** Model types whose tensors GGUF keeps as they are, and its name for them. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  llama: 'llama',
  mistral: 'llama',
  qwen2: 'qwen2',
  qwen3: 'qwen3',
}

const architectureOf = (config: ModelConfig): GgufArchitecture | undefined =>
  architectureNamed(ARCHITECTURES[config.architecture] ?? '')

/** @returns what stands against it; undefined where nothing does */
export const ggufProblem = (config: ModelConfig): string | undefined => {
  const { architecture, kvHeads, windows, ropeScaling, layersWithoutRope } = config
  if (!architectureOf(config))
    return `architecture ${architecture} is not written; ${Object.keys(ARCHITECTURES).join(', ')} are`
  if (new Set(kvHeads).size > 1) return 'its KV heads differ by layer, which is not written'
  if (windows?.some(window => window !== null))
    return 'it has a sliding window, which is not written'
  if (layersWithoutRope?.length) return 'it has layers without RoPE, which are not written'
  return ropeScaling?.type === 'longrope' && !ropeFrequencyFactors(config)
    ? 'RoPE scaling of type longrope is not written'
    : undefined
}

const string = (value: string): GgufEntry => ({ type: 'string', value })
const uint32 = (value: number): GgufEntry => ({ type: 'uint32', value })
const float32 = (value: number): GgufEntry => ({ type: 'float32', value })

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

const shapeOf = (config: ModelConfig, { name }: GgufArchitecture): GgufMetadata => {
  const { ropeScaling } = config
  const entries: readonly (readonly [string, GgufEntry])[] = [
    ['vocab_size', uint32(config.vocabSize)],
    ['block_count', uint32(config.layers)],
    ['context_length', uint32(config.maxPositions)],
    ['embedding_length', uint32(config.hiddenSize)],
    ['feed_forward_length', uint32(config.intermediateSize)],
    ['attention.head_count', uint32(config.heads)],
    ['attention.head_count_kv', uint32(config.kvHeads[0] ?? config.heads)],
    ['attention.key_length', uint32(config.headDim)],
    ['attention.value_length', uint32(config.headDim)],
    ['attention.layer_norm_rms_epsilon', float32(config.rmsNormEpsilon)],
    ['rope.dimension_count', uint32(config.headDim)],
    ['rope.freq_base', float32(config.ropeTheta)],
    ...(ropeScaling?.type === 'linear'
      ? ([
          ['rope.scaling.type', string('linear')],
          ['rope.scaling.factor', float32(ropeScaling.factor)],
        ] as const)
      : []),
  ]
  return new Map(entries.map(([key, entry]) => [`${name}.${key}`, entry]))
}

/** Vectors stay in float32; a row that is not whole blocks stays in halves. */
const storedAs = (type: GgufType, shape: readonly number[]): EncodedType => {
  if (shape.length < 2) return 'F32'
  return isWholeBlocks(type, shape.at(-1)!) ? type : 'F16'
}

const ROTATED = /\.self_attn\.[qk]_proj\.(?:weight|bias)$/

const tensorsOf = (
  model: PublishedModel,
  type: GgufType,
  architecture: GgufArchitecture,
): readonly GgufTensorToWrite[] => {
  const { config, weights } = model
  const factors = ropeFrequencyFactors(config)
  const frequencies: readonly GgufTensorToWrite[] = factors
    ? [
        {
          name: 'rope_freqs.weight',
          shape: [factors.length],
          type: 'F32',
          read: async () => factors,
        },
      ]
    : []
  return [
    ...frequencies,
    ...publishedNames(model).map((name): GgufTensorToWrite => {
      const shape = weights.shape(name)
      const read = async () => {
        const data = await weights.read(name)
        if (architecture.interleaved && ROTATED.test(name))
          permuteRows(data, shape[1] ?? 1, config.headDim)
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
  const architecture = architectureOf(model.config)
  if (!architecture) throw modelUnsupported(`GGUF: ${ggufProblem(model.config)}`)
  const tensors = tensorsOf(model, type, architecture)
  const parameters = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  const metadata = new Map([
    ...general(type, about, architecture, parameters),
    ...shapeOf(model.config, architecture),
    ...tokenizerMetadata(model, await baseHeader(model.modelFolder)),
  ])
  return {
    files: [file],
    storedAs: type,
    write: folder => writeGguf(join(folder, file), metadata, tensors),
  }
}
