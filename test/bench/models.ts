/** Model shapes and methods that benchmarks take, as a party is given them. */
import type { TuningMethod } from '@attune/trainer/model/adapter.ts'
import type { ModelConfig } from '@attune/trainer/model/config.ts'
import { ALL_LINEAR, SMOLLM2_135M } from './random-model.ts'

/** SmolLM2-360M's layers, fewer of them, so that it fits beside others. */
const WIDE: ModelConfig = {
  ...SMOLLM2_135M,
  hiddenSize: 960,
  intermediateSize: 2560,
  layers: 12,
  heads: 15,
  kvHeads: new Array(12).fill(5),
}

const withLayers = (config: ModelConfig, layers: number): ModelConfig => ({
  ...config,
  layers,
  kvHeads: new Array(layers).fill(config.kvHeads[0]),
})

export const MODEL_NAMES = ['smollm2-135m', 'wide'] as const
export type ModelName = (typeof MODEL_NAMES)[number]

const MODELS: Readonly<Record<ModelName, ModelConfig>> = {
  'smollm2-135m': SMOLLM2_135M,
  wide: WIDE,
}

/** @param layers the model's own number if absent */
export const modelOf = (name: ModelName, layers?: number): ModelConfig =>
  layers === undefined ? MODELS[name] : withLayers(MODELS[name], layers)

type Trained = { readonly rank?: number; readonly full?: boolean }

/** @returns full fine-tuning, whatever the rank, or LoRA on all linear layers, of rank 8 if absent */
export const methodOf = ({ rank = 8, full = false }: Trained): TuningMethod =>
  full ? { type: 'Full' } : { rank, alpha: 2 * rank, targetModules: ALL_LINEAR }
