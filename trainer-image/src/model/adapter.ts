/** LoRA tensors by their PEFT names: `base_model.model.model.layers.{i}.self_attn.q_proj.lora_A.weight` `[r, in]`, `….lora_B.weight` `[out, r]`. */
export type Tensor = { readonly shape: readonly number[]; readonly data: Float32Array }
export type AdapterTensors = ReadonlyMap<string, Tensor>

export type AdapterConfig = {
  readonly rank: number
  readonly alpha: number
  /** module names without path, e.g. `q_proj`; `all-linear` already expanded */
  readonly targetModules: readonly string[]
}
