/** Between tensors by PEFT name and the one vector that the graphs work on. */
import type { AdapterConfig, AdapterTensors, Tensor } from '../model/adapter.ts'
import type { ModelConfig } from '../model/config.ts'
import { parameterCount, parameterSlots } from '../model/lora.ts'

export const flatten = (
  config: ModelConfig,
  adapterConfig: AdapterConfig,
  tensors: AdapterTensors,
): Float32Array => {
  const slots = parameterSlots(config, adapterConfig)
  const flat = new Float32Array(parameterCount(slots))
  for (const { name, shape, offset } of slots) {
    const tensor = tensors.get(name)
    if (!tensor) throw new TypeError(`the adapter lacks ${name}`)
    if (`${tensor.shape}` !== `${shape}`)
      throw new TypeError(`${name} has shape [${tensor.shape}], not [${shape}]`)
    flat.set(tensor.data, offset)
  }
  return flat
}

/** @returns copies */
export const unflatten = (
  config: ModelConfig,
  adapterConfig: AdapterConfig,
  flat: Float32Array,
): AdapterTensors =>
  new Map(
    parameterSlots(config, adapterConfig).map(({ name, shape, offset, size }): [string, Tensor] => [
      name,
      { shape, data: flat.slice(offset, offset + size) },
    ]),
  )
