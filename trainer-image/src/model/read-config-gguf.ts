/** GGUF metadata → ModelConfig; keys as ggml's docs/gguf.md has them. */
import { modelMalformed, modelUnsupported } from '../stage-error.ts'
import type { GgufHeader } from '../weights/gguf-header.ts'
import type { ModelConfig } from './config.ts'
import { integer, LIMITS, perLayer, real, show, tokenIds } from './read-config-fields.ts'

export const configFromGguf = (header: GgufHeader): ModelConfig => {
  const { metadata } = header
  const at = (key: string) => `${header.fileName}: ${key}`
  const architecture = metadata.get('general.architecture')
  if (architecture !== 'llama')
    throw modelUnsupported(
      `${at('general.architecture')} is ${show(architecture)}; only "llama" is supported: choose such a model`,
    )
  refuseVariants(header)
  const get = (key: string) => metadata.get(`llama.${key}`)
  const size = (key: string, most: number) => integer(at(`llama.${key}`), get(key), 1, most)
  const hiddenSize = size('embedding_length', LIMITS.hiddenSize)
  const layers = size('block_count', LIMITS.layers)
  const heads = size('attention.head_count', LIMITS.heads)
  const vocabSize = vocabSizeOf(header)
  const kvHeads = perLayer(
    at('llama.attention.head_count_kv'),
    get('attention.head_count_kv') ?? heads,
    layers,
  )
  const badCount = kvHeads.find(count => heads % count !== 0)
  if (badCount !== undefined)
    throw modelMalformed(
      `${at('llama.attention.head_count_kv')} is ${badCount}, which does not divide ${heads} attention heads`,
    )
  const bos = tokenIds(
    at('tokenizer.ggml.bos_token_id'),
    metadata.get('tokenizer.ggml.bos_token_id'),
    vocabSize,
  )[0]
  return {
    architecture: 'llama',
    vocabSize,
    hiddenSize,
    intermediateSize: size('feed_forward_length', LIMITS.intermediateSize),
    layers,
    heads,
    kvHeads,
    headDim: headDimOf(header, hiddenSize / heads),
    rmsNormEpsilon: epsilonOf(header),
    ropeTheta: real(at('llama.rope.freq_base'), get('rope.freq_base') ?? 10_000, 1, 1e12),
    maxPositions: size('context_length', LIMITS.maxPositions),
    tieWordEmbeddings: !header.tensors.has('output.weight'),
    ...(bos === undefined ? {} : { bosTokenId: bos }),
    eosTokenIds: endTokens(header, vocabSize),
  }
}

/** Metadata that changes the computation, with the values under which it does not. */
const PLAIN: readonly (readonly [key: string, plain: readonly unknown[]])[] = [
  ['llama.rope.scaling.type', [undefined, 'none']],
  ['llama.rope.scale_linear', [undefined, 1]],
  ['llama.expert_count', [undefined, 0]],
  ['llama.attention.sliding_window', [undefined, 0]],
  ['llama.attention.clamp_kqv', [undefined, 0]],
]

const refuseVariants = ({ fileName, metadata, tensors }: GgufHeader) => {
  for (const [key, plain] of PLAIN)
    if (!plain.includes(metadata.get(key)))
      throw modelUnsupported(
        `${fileName}: ${key} is ${show(metadata.get(key))}, which is not supported; choose a model without it`,
      )
  if (tensors.has('rope_freqs.weight'))
    throw modelUnsupported(
      `${fileName}: tensor "rope_freqs.weight" asks for RoPE scaling; only models without RoPE scaling are supported`,
    )
}

const vocabSizeOf = ({ fileName, metadata }: GgufHeader): number => {
  const tokens = metadata.get('tokenizer.ggml.tokens')
  const size =
    metadata.get('llama.vocab_size') ?? (Array.isArray(tokens) ? tokens.length : undefined)
  return integer(`${fileName}: llama.vocab_size`, size, 1, LIMITS.vocabSize)
}

const headDimOf = ({ fileName, metadata }: GgufHeader, otherwise: number): number => {
  const key = 'llama.attention.key_length'
  const headDim = integer(`${fileName}: ${key}`, metadata.get(key) ?? otherwise, 2, LIMITS.headDim)
  for (const other of ['llama.attention.value_length', 'llama.rope.dimension_count']) {
    const value = metadata.get(other)
    if (value !== undefined && value !== headDim)
      throw modelUnsupported(
        `${fileName}: ${other} is ${show(value)} and a head has ${headDim} values; only equal sizes are supported`,
      )
  }
  if (headDim % 2 !== 0) throw modelMalformed(`${fileName}: ${key} is ${headDim}; it must be even`)
  return headDim
}

/** float32 in the file; its shortest decimal is what the model's config.json had (1e-5, not 9.99999974e-6). */
const epsilonOf = ({ fileName, metadata }: GgufHeader): number => {
  const key = 'llama.attention.layer_norm_rms_epsilon'
  const value = real(`${fileName}: ${key}`, metadata.get(key), 1e-12, 0.1)
  return Number(value.toPrecision(7))
}

/** The end of a turn is an end of generation too, where the metadata names it apart from the end of text. */
const endTokens = ({ fileName, metadata }: GgufHeader, vocabSize: number) => [
  ...new Set(
    ['tokenizer.ggml.eos_token_id', 'tokenizer.ggml.eot_token_id'].flatMap(key =>
      tokenIds(`${fileName}: ${key}`, metadata.get(key), vocabSize),
    ),
  ),
]
