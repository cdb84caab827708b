/** Architectures that the trainer can tune, as `architectures` of a model's config.json names them. */
// DeciLM is a Llama whose number of KV heads differs by layer
export const SUPPORTED_ARCHITECTURES: readonly string[] = ['LlamaForCausalLM', 'DeciLMForCausalLM']

/** @returns why it cannot be chosen; undefined where it can */
export const unsupportedArchitecture = (architecture: string): string | undefined =>
  SUPPORTED_ARCHITECTURES.includes(architecture)
    ? undefined
    : `architecture ${architecture} cannot be tuned, only ${SUPPORTED_ARCHITECTURES.join(', ')}`
