/** Which files of a model's folder or repository are needed; pickled weights never are. */
import { invalidSpec, modelUnsupported, sourceNotFound } from '../stage-error.ts'

/** Fetched where they exist. */
export const MODEL_METADATA = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
] as const

export const WEIGHTS_INDEX = 'model.safetensors.index.json'
const WHOLE = 'model.safetensors'

export type Selection = {
  /** files to fetch at once */
  readonly names: readonly string[]
  /** the index among them names the weights' files, which are fetched after it */
  readonly sharded: boolean
}

/** @param present names at the top of the folder */
export const selectModelFiles = (uri: string, present: readonly string[]): Selection => {
  const metadata = MODEL_METADATA.filter(name => present.includes(name))
  if (present.includes(WEIGHTS_INDEX)) return { names: [...metadata, WEIGHTS_INDEX], sharded: true }
  const safetensors = present.filter(name => name.endsWith('.safetensors'))
  const gguf = present.filter(name => name.endsWith('.gguf'))
  if (safetensors.includes(WHOLE)) return { names: [...metadata, WHOLE], sharded: false }
  for (const candidates of [safetensors, gguf])
    if (candidates.length > 0)
      return { names: [...metadata, only(uri, candidates)], sharded: false }
  if (present.some(name => /\.(bin|pt|pth|ckpt)$/.test(name)))
    throw modelUnsupported(
      `${uri} has only pickled weights (.bin, .pt), which can run code when read; choose a model with safetensors or GGUF`,
    )
  throw sourceNotFound(`${uri} has no weights; *.safetensors or one *.gguf is needed`)
}

const ADAPTER_FILES = ['adapter_config.json', 'adapter_model.safetensors'] as const

/** @param present names at the top of the folder */
export const selectAdapterFiles = (uri: string, present: readonly string[]): Selection => {
  const missing = ADAPTER_FILES.find(name => !present.includes(name))
  if (missing)
    throw sourceNotFound(
      `${uri} has no ${missing}; an adapter in PEFT's form is ${ADAPTER_FILES.join(' and ')}`,
    )
  return { names: ADAPTER_FILES, sharded: false }
}

const only = (uri: string, candidates: readonly string[]): string => {
  if (candidates.length > 1)
    throw invalidSpec(
      `${uri} has ${candidates.length} weight files; add one to the uri: ${candidates.slice(0, 8).join(', ')}`,
    )
  return candidates[0]!
}
