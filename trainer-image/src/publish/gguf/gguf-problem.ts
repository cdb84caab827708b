/** What of a model llama.cpp has no key, no tensor or no computation for (its src/models/*.cpp); asked before it is trained. */
import type { ModelConfig } from '../../model/config.ts'
import { gemmaAttentionScale, hasWindow, layersWithoutRope } from '../../model/llama-cpp-rules.ts'
import { rotaryDimOf } from '../../model/rotary.ts'
import { ropeTensors } from './rope-factors.ts'
import { isUniform, writtenArchitecture } from './written-architecture.ts'

/** of the model and llama.cpp's name of its architecture @returns undefined where nothing stands against it */
type Check = (config: ModelConfig, name: string) => string | undefined

const isLlama = (name: string) => name === 'llama' || name === 'deci'
const isGemma = (name: string) => name === 'gemma2' || name === 'gemma3'
const isSame = (some: readonly unknown[], others: readonly unknown[]) =>
  some.length === others.length && some.every(one => others.includes(one))

const kvHeads: Check = ({ kvHeads: counts }, name) =>
  name === 'deci' || isUniform(counts)
    ? undefined
    : `its KV heads differ by layer, which llama.cpp knows of llama and DeciLM only, not of ${name}`

const QWEN2_BIASES = ['q_proj', 'k_proj', 'v_proj']

const biases: Check = ({ biases: some = [] }, name) => {
  if (isLlama(name) || isSame(some, name === 'qwen2' ? QWEN2_BIASES : [])) return undefined
  return `llama.cpp's ${name} has no place for its biases (${some.join(', ') || 'none'})`
}

/** Gemma's are in the layers that llama.cpp has them in; Phi-3's are written, though llama.cpp does not apply them. */
const windows: Check = ({ windows: some, layers }, name) => {
  const sizes = Array.from({ length: layers }, (_, layer) => some?.[layer] ?? null)
  const size = sizes.find(one => one !== null)
  if (isGemma(name) || (name === 'phi3' && size !== undefined)) {
    const isAsExpected = sizes.every((one, layer) => one === (hasWindow(name, layer) ? size : null))
    return size !== undefined && isAsExpected
      ? undefined
      : `llama.cpp's ${name} has windows in other layers than it`
  }
  return size === undefined
    ? undefined
    : `it has a sliding window, for which llama.cpp's ${name} has no key`
}

const withoutRope: Check = ({ layersWithoutRope: some = [], layers }, name) =>
  isSame(some, layersWithoutRope(name, layers))
    ? undefined
    : `llama.cpp's ${name} leaves other layers without RoPE than it (${some.join(', ') || 'none'})`

const rotatedPart: Check = (config, name) =>
  name === 'phi3' || rotaryDimOf(config) === config.headDim
    ? undefined
    : `llama.cpp's ${name} rotates whole heads, and it a part of each`

const ropeScaling: Check = (config, name) => {
  const { ropeScaling: scaling } = config
  if (!scaling || scaling.type === 'linear') return undefined
  const isKnown = name === 'phi3' ? scaling.type === 'longrope' : isLlama(name)
  return isKnown && ropeTensors(config).size > 0
    ? undefined
    : `llama.cpp's ${name} has no RoPE scaling of type ${scaling.type}`
}

/** llama.cpp computes the scale of sizes, in float32 */
const SCALE_TOLERANCE = 1e-5

const gemma: Check = (config, name) => {
  if (!isGemma(name)) return undefined
  const { attentionScale = 0, attentionSoftcap, logitSoftcap, tieWordEmbeddings } = config
  const expected = gemmaAttentionScale(name, config)
  if (Math.abs(attentionScale / expected - 1) > SCALE_TOLERANCE)
    return `query_pre_attn_scalar is ${(attentionScale ** -2).toPrecision(6)}, and llama.cpp takes ${(expected ** -2).toPrecision(6)}`
  if (!tieWordEmbeddings) return `llama.cpp's ${name} has no output layer of its own`
  if (name === 'gemma2')
    return attentionSoftcap === undefined || logitSoftcap === undefined
      ? "llama.cpp's gemma2 holds scores and logits below a cap, and it does not"
      : undefined
  return attentionSoftcap === undefined && logitSoftcap === undefined
    ? undefined
    : "llama.cpp's gemma3 holds neither scores nor logits below a cap, as it does"
}

const phi3: Check = ({ heads, headDim, hiddenSize }, name) =>
  name === 'phi3' && heads * headDim !== hiddenSize
    ? `llama.cpp's phi3 has heads of ${hiddenSize / heads} values (hidden_size by num_attention_heads), and it of ${headDim}`
    : undefined

const CHECKS: readonly Check[] = [
  kvHeads,
  biases,
  windows,
  withoutRope,
  rotatedPart,
  ropeScaling,
  gemma,
  phi3,
]

/** @returns what stands against it; undefined where nothing does */
export const ggufProblem = (config: ModelConfig): string | undefined => {
  const { name } = writtenArchitecture(config)
  for (const check of CHECKS) {
    const problem = check(config, name)
    if (problem !== undefined) return problem
  }
  return undefined
}
