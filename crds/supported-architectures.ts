/** Architectures that the trainer can tune, as `architectures` of a model's config.json names them. */
export const SUPPORTED_ARCHITECTURES: readonly string[] = ['LlamaForCausalLM', 'DeciLMForCausalLM']
