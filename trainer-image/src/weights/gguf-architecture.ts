/** What the architectures of GGUF do to a model's tensors (llama.cpp, convert_hf_to_gguf.py and gguf-py's tensor_mapping.py). */
import { modelUnsupported } from '../stage-error.ts'
import type { GgufHeader } from './gguf-header.ts'

export type GgufArchitecture = {
  /** prefix of the metadata's keys, too */
  readonly name: string
  /** rows of Q and K are in the order of interleaved RoPE */
  readonly interleaved: boolean
  /** norms are stored as 1 + weight */
  readonly normsPlusOne: boolean
  /** module of a layer, as GGUF names it → as Hugging Face does */
  readonly modules: Readonly<Record<string, string>>
}

const MODULES: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
}
/** has norms after attention and feed-forward, too */
const GEMMA = {
  ...MODULES,
  post_attention_norm: 'post_attention_layernorm',
  ffn_norm: 'pre_feedforward_layernorm',
  post_ffw_norm: 'post_feedforward_layernorm',
}
/** has one layer for Q, K and V, and one for gate and up */
const PHI3 = { ...MODULES, attn_qkv: 'self_attn.qkv_proj', ffn_up: 'mlp.gate_up_proj' }

const plain = { interleaved: false, normsPlusOne: false, modules: MODULES }
export const LLAMA: GgufArchitecture = { ...plain, name: 'llama', interleaved: true }
const ARCHITECTURES: readonly GgufArchitecture[] = [
  LLAMA,
  { ...plain, name: 'deci', interleaved: true },
  { ...plain, name: 'smollm3', interleaved: true },
  { ...plain, name: 'qwen2' },
  { ...plain, name: 'qwen3' },
  { ...plain, name: 'gemma2', normsPlusOne: true, modules: GEMMA },
  { ...plain, name: 'gemma3', normsPlusOne: true, modules: GEMMA },
  { ...plain, name: 'phi3', modules: PHI3 },
]

/** @returns undefined where no such one is known here */
export const architectureNamed = (name: string): GgufArchitecture | undefined =>
  ARCHITECTURES.find(architecture => architecture.name === name)

export const ggufArchitecture = ({ fileName, metadata }: GgufHeader): GgufArchitecture => {
  const name = metadata.get('general.architecture')
  const found = ARCHITECTURES.find(architecture => architecture.name === name)
  if (!found)
    throw modelUnsupported(
      `${fileName}: general.architecture is ${JSON.stringify(name)}; supported are ${ARCHITECTURES.map(one => one.name).join(', ')}: choose such a model`,
    )
  return found
}

/** RoPE's factors, which belong to the configuration */
export const ROPE_FACTORS = 'rope_freqs.weight'
export const SHORT_ROPE_FACTORS = 'rope_factors_short.weight'
export const LONG_ROPE_FACTORS = 'rope_factors_long.weight'
