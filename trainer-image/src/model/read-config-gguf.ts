/** GGUF metadata → ModelConfig; keys as ggml's docs/gguf.md and gguf-py's constants.py have them. */
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import { type GgufArchitecture, ggufArchitecture } from '../weights/gguf-architecture.ts'
import { type GgufHeader, type GgufValue, readGgufHeader } from '../weights/gguf-header.ts'
import type { Architecture, ModelConfig } from './config.ts'
import { integer, LIMITS, perLayer, real, show, tokenIds } from './read-config-fields.ts'
import { biasesOfGguf, familyOfGguf } from './read-config-gguf-layers.ts'
import { type RopeFactors, readRopeFactors, ropeOfGguf } from './read-config-gguf-rope.ts'

/** A header's values under `<architecture>.<key>`, and how to name them in messages. */
export type GgufFields = {
  readonly header: GgufHeader
  readonly architecture: GgufArchitecture
  get(key: string): GgufValue | undefined
  at(key: string): string
}

export const readGgufConfig = async (path: string): Promise<ModelConfig> => {
  const header = readGgufHeader(path)
  return configFromGguf(header, await readRopeFactors(path, header))
}

const fieldsOf = (header: GgufHeader): GgufFields => {
  const architecture = ggufArchitecture(header)
  return {
    header,
    architecture,
    get: key => header.metadata.get(`${architecture.name}.${key}`),
    at: key => `${header.fileName}: ${architecture.name}.${key}`,
  }
}

const MODEL_TYPES: Readonly<Record<string, Architecture>> = {
  llama: 'llama',
  deci: 'llama',
  smollm3: 'smollm3',
  qwen2: 'qwen2',
  qwen3: 'qwen3',
  gemma2: 'gemma2',
  gemma3: 'gemma3_text',
  phi3: 'phi3',
}

export const configFromGguf = (header: GgufHeader, factors: RopeFactors = {}): ModelConfig => {
  const fields = fieldsOf(header)
  refuseVariants(fields)
  const { get, at } = fields
  const size = (key: string, most: number) => integer(at(key), uniform(fields, key), 1, most)
  const hiddenSize = size('embedding_length', LIMITS.hiddenSize)
  const layers = size('block_count', LIMITS.layers)
  const heads = size('attention.head_count', LIMITS.heads)
  const vocabSize = vocabSizeOf(fields)
  const headDim = headDimOf(fields, hiddenSize / heads)
  const bos = tokenIds(
    `${header.fileName}: tokenizer.ggml.bos_token_id`,
    header.metadata.get('tokenizer.ggml.bos_token_id'),
    vocabSize,
  )[0]
  return {
    architecture: MODEL_TYPES[fields.architecture.name]!,
    vocabSize,
    hiddenSize,
    intermediateSize: size('feed_forward_length', LIMITS.intermediateSize),
    layers,
    heads,
    kvHeads: kvHeadsOf(
      at('attention.head_count_kv'),
      get('attention.head_count_kv'),
      layers,
      heads,
    ),
    headDim,
    rmsNormEpsilon: epsilonOf(fields),
    ...ropeOfGguf(fields, factors, headDim),
    tieWordEmbeddings: !header.tensors.has('output.weight'),
    ...(bos === undefined ? {} : { bosTokenId: bos }),
    eosTokenIds: endTokens(header, vocabSize),
    ...biasesOfGguf(fields),
    ...familyOfGguf(fields, { layers, heads, hiddenSize, headDim }),
  }
}

/** Metadata that changes the computation, with the values under which it does not. */
const PLAIN: readonly (readonly [key: string, plain: readonly unknown[]])[] = [
  ['rope.scale_linear', [undefined, 1]],
  ['expert_count', [undefined, 0]],
  ['attention.clamp_kqv', [undefined, 0]],
]

const refuseVariants = ({ get, at }: GgufFields) => {
  for (const [key, plain] of PLAIN)
    if (!plain.includes(get(key)))
      throw modelUnsupported(
        `${at(key)} is ${show(get(key))}, which is not supported; choose a model without it`,
      )
}

/** One value, or the same for each layer. */
const uniform = ({ get, at }: GgufFields, key: string): unknown => {
  const value = get(key)
  if (!Array.isArray(value)) return value
  if (new Set(value).size !== 1)
    throw modelUnsupported(
      `${at(key)} is ${show(value)}; only the same for all layers is supported`,
    )
  return value[0]
}

const kvHeadsOf = (where: string, value: unknown, layers: number, heads: number) => {
  const counts = perLayer(where, value ?? heads, layers)
  const bad = counts.find(count => heads % count !== 0)
  if (bad !== undefined)
    throw modelMalformed(`${where} is ${bad}, which does not divide ${heads} attention heads`)
  return counts
}

const vocabSizeOf = ({ header, get, at }: GgufFields): number => {
  const tokens = header.metadata.get('tokenizer.ggml.tokens')
  const size = get('vocab_size') ?? (Array.isArray(tokens) ? tokens.length : undefined)
  return integer(at('vocab_size'), size, 1, LIMITS.vocabSize)
}

const headDimOf = ({ get, at }: GgufFields, otherwise: number): number => {
  const key = 'attention.key_length'
  const headDim = integer(at(key), get(key) ?? otherwise, 2, LIMITS.headDim)
  const values = get('attention.value_length')
  if (values !== undefined && values !== headDim)
    throw modelUnsupported(
      `${at('attention.value_length')} is ${show(values)} and a head has ${headDim} values; only equal sizes are supported`,
    )
  if (headDim % 2 !== 0) throw modelMalformed(`${at(key)} is ${headDim}; it must be even`)
  return headDim
}

/** float32 in the file; its shortest decimal is what the model's config.json had (1e-5, not 9.99999974e-6). */
const epsilonOf = ({ get, at }: GgufFields): number => {
  const key = 'attention.layer_norm_rms_epsilon'
  return Number(real(at(key), get(key), 1e-12, 0.1).toPrecision(7))
}

/** The end of a turn is an end of generation too, where the metadata names it apart from the end of text. */
const endTokens = ({ fileName, metadata }: GgufHeader, vocabSize: number) => [
  ...new Set(
    ['tokenizer.ggml.eos_token_id', 'tokenizer.ggml.eot_token_id'].flatMap(key =>
      tokenIds(`${fileName}: ${key}`, metadata.get(key), vocabSize),
    ),
  ),
]
