/** Architectures that the trainer can tune, as `architectures` and `model_type` of a model's config.json name them. */

/** transformers' model types; gemma3_text is the text model of Gemma 3. */
export const MODEL_TYPES = [
  'llama',
  'mistral',
  'qwen2',
  'qwen3',
  'smollm3',
  'gemma2',
  'gemma3_text',
  'phi3',
] as const
export type ModelType = (typeof MODEL_TYPES)[number]

type NamedClass = {
  readonly type: ModelType
  /** what `model_type` may say */
  readonly named: readonly string[]
}

const CLASSES: Readonly<Record<string, NamedClass>> = {
  LlamaForCausalLM: { type: 'llama', named: ['llama'] },
  // DeciLM is a Llama whose number of KV heads differs by layer; older ones say "llama"
  DeciLMForCausalLM: { type: 'llama', named: ['deci', 'llama'] },
  MistralForCausalLM: { type: 'mistral', named: ['mistral'] },
  Qwen2ForCausalLM: { type: 'qwen2', named: ['qwen2'] },
  Qwen3ForCausalLM: { type: 'qwen3', named: ['qwen3'] },
  SmolLM3ForCausalLM: { type: 'smollm3', named: ['smollm3'] },
  Gemma2ForCausalLM: { type: 'gemma2', named: ['gemma2'] },
  Gemma3ForCausalLM: { type: 'gemma3_text', named: ['gemma3_text'] },
  Phi3ForCausalLM: { type: 'phi3', named: ['phi3'] },
}

export const SUPPORTED_ARCHITECTURES: readonly string[] = Object.keys(CLASSES)

/** @returns why it cannot be chosen; undefined where it can */
export const unsupportedArchitecture = (architecture: string): string | undefined =>
  SUPPORTED_ARCHITECTURES.includes(architecture)
    ? undefined
    : `architecture ${architecture} cannot be tuned, only ${SUPPORTED_ARCHITECTURES.join(', ')}`

/**
 * @param type `model_type` of a config.json; undefined where it has none, as DeciLM-6B's
 * @param architectures classes that it names, any of which may be the model's
 * @returns the type as the trainer has it; undefined where type and classes are not of one that it can tune
 */
export const supportedModelType = (
  type: unknown,
  architectures: readonly string[],
): ModelType | undefined => {
  const isNamed = (architecture: string) =>
    architectures.length === 0 ? type !== undefined : architectures.includes(architecture)
  const found = Object.entries(CLASSES).find(
    ([architecture, { named }]) =>
      isNamed(architecture) && (type === undefined || named.includes(String(type))),
  )
  return found?.[1].type
}
