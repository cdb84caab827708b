/** llama.cpp's architecture for a model. */
import type { Architecture, ModelConfig } from '../../model/config.ts'
import { architectureNamed, type GgufArchitecture } from '../../weights/gguf-architecture.ts'

const NAMES: Readonly<Record<Architecture, string>> = {
  llama: 'llama',
  mistral: 'llama',
  qwen2: 'qwen2',
  qwen3: 'qwen3',
  smollm3: 'smollm3',
  gemma2: 'gemma2',
  gemma3_text: 'gemma3',
  phi3: 'phi3',
}

export const isUniform = (counts: readonly number[]): boolean => new Set(counts).size <= 1

/** A Llama whose KV heads differ by layer is DeciLM, which llama.cpp has apart. */
export const writtenArchitecture = ({ architecture, kvHeads }: ModelConfig): GgufArchitecture => {
  const name = NAMES[architecture]
  return architectureNamed(name === 'llama' && !isUniform(kvHeads) ? 'deci' : name)!
}
