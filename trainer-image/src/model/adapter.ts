/** Trained tensors by their PEFT names: `base_model.model.model.layers.{i}.self_attn.q_proj.lora_A.weight` `[r, in]`, `….lora_B.weight` `[out, r]`. */
export type Tensor = { readonly shape: readonly number[]; readonly data: Float32Array }
export type AdapterTensors = ReadonlyMap<string, Tensor>

export const LORA_VARIANTS = ['Standard', 'RankStabilized', 'DoRA'] as const
export type LoraVariant = (typeof LORA_VARIANTS)[number]

export type AdapterConfig = {
  readonly rank: number
  readonly alpha: number
  /** names without path (`q_proj`), ends of a path, or patterns of them; `all-linear` already expanded */
  readonly targetModules: readonly string[]
  /** absent: Standard */
  readonly variant?: LoraVariant
  /** share of A's inputs that are zeroed while training; absent: none */
  readonly dropout?: number
  /** learning rate of B, as a multiple of A's; absent: 1 */
  readonly bLearningRateRatio?: number
  /** modules whose whole weights are trained and saved beside the adapter, by name or end of path: `embed_tokens`, `norm` */
  readonly modulesToSave?: readonly string[]
}

export type TuningMethod =
  | ({ readonly type?: 'LoRA' } & AdapterConfig)
  /** every weight is trained */
  | { readonly type: 'Full' }

export const isFull = (method: TuningMethod): method is { readonly type: 'Full' } =>
  method.type === 'Full'

/** s in W + s·B·A: alpha / r, with rank-stabilized scaling alpha / √r (arXiv:2312.03732) */
export const scaleOf = ({ rank, alpha, variant }: AdapterConfig): number =>
  variant === 'RankStabilized' ? alpha / Math.sqrt(rank) : alpha / rank

const PREFIX = 'base_model.model.'

/** PEFT's names of what belongs to a module, by its Hugging Face path. */
export const adapterNames = (path: string) => ({
  a: `${PREFIX}${path}.lora_A.weight`,
  b: `${PREFIX}${path}.lora_B.weight`,
  /** without `.weight`, as PEFT has it on disk */
  magnitude: `${PREFIX}${path}.lora_magnitude_vector`,
})

/** PEFT's name of a weight that is trained whole. */
export const wholeName = (weight: string): string => `${PREFIX}${weight}`

/** @returns the Hugging Face name of the weight that `name` holds whole, if it does */
export const weightOfWhole = (name: string): string | undefined =>
  name.startsWith(PREFIX) && !/\.lora_[\w.]+$/.test(name) ? name.slice(PREFIX.length) : undefined
