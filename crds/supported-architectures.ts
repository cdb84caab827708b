/** Architectures that the trainer can tune, as `architectures` of a model's config.json names them. */
// DeciLM is a Llama whose number of KV heads differs by layer
export const SUPPORTED_ARCHITECTURES: readonly string[] = ['LlamaForCausalLM', 'DeciLMForCausalLM']
