/** Which family a model belongs to. */
import type { Architecture, ModelConfig } from '../config.ts'
import type { Family } from './family.ts'
import { GEMMA } from './gemma.ts'
import { LLAMA } from './llama.ts'
import { PHI3 } from './phi3.ts'

const FAMILIES: Readonly<Record<Architecture, Family>> = {
  llama: LLAMA,
  mistral: LLAMA,
  qwen2: LLAMA,
  qwen3: LLAMA,
  smollm3: LLAMA,
  gemma2: GEMMA,
  gemma3_text: GEMMA,
  phi3: PHI3,
}

export const familyOf = ({ architecture }: ModelConfig): Family => FAMILIES[architecture]
