/** In what two configurations of a model differ. */
import type { ModelConfig } from '../../model/config.ts'

/** A GGUF keeps numbers in float32. */
const ROUNDING = 1e-6

const isAlike = (a: unknown, b: unknown): boolean => {
  if (typeof a === 'number' && typeof b === 'number')
    return a === b || Math.abs(a - b) <= ROUNDING * Math.abs(b)
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  const [some, others] = [new Map(Object.entries(a)), new Map(Object.entries(b))]
  return some.size === others.size && [...some].every(([key, one]) => isAlike(one, others.get(key)))
}

const NAMES: Readonly<Partial<Record<keyof ModelConfig, string>>> = {
  kvHeads: 'KV heads by layer',
  headDim: 'heads of a size',
  ropeScaling: 'RoPE factors',
  rotaryDim: 'heads that are rotated in part',
  layersWithoutRope: 'layers without RoPE',
  windows: 'windows',
  biases: 'biases',
  attentionScale: 'a scale of attention',
  attentionSoftcap: 'a cap of scores',
  logitSoftcap: 'a cap of logits',
}

/** @returns a name of the first field that differs; undefined where they are alike */
export const differingField = (a: ModelConfig, b: ModelConfig): string | undefined => {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]) as ReadonlySet<keyof ModelConfig>
  const found = [...keys].find(key => !isAlike(a[key], b[key]))
  return found && (NAMES[found] ?? found)
}
